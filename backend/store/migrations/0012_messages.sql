-- Where answers go, if not to the sender, and the sender's postal address, which stands below every email of the campaign.
ALTER TABLE campaigns ADD COLUMN reply_to TEXT NOT NULL DEFAULT '';
ALTER TABLE campaigns ADD COLUMN postal_address TEXT NOT NULL DEFAULT '';
