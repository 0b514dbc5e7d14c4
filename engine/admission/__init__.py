"""Whether a ready node may start now (`rules`), and how its wait is explained (`conditions`). Pure."""
