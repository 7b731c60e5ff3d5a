"""What people and machines read about the product's work."""
