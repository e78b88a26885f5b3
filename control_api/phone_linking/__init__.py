"""Link a phone: QR images, signed links, and the stages that the linking page shows."""
