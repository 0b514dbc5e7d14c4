"""What people do with runs, pools and workers, and how old data is deleted. Each verb is one transaction."""
