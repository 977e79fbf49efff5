-- The campaigns a token is limited to, as a JSON array of their ids; NULL is every campaign, now and later.
ALTER TABLE tokens ADD COLUMN campaigns TEXT;
