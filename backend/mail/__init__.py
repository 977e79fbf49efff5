"""Mail providers behind the Mailer port."""
