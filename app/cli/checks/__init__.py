"""What `flask doctor` looks at: a module for each part of the house, with its checks."""
