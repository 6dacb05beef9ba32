"""What is packed into the target's wheel; nothing in here is imported by the tool itself."""
