"""What people do with runs, pools and workers, and the deletion of old data. Each verb is one transaction."""
