"""What the portal stands: crowds and crashes."""
