-- The surest facts of a company and the latest memories of a contact are the beginning of an index, however many there are.
CREATE INDEX facts_by_confidence ON company_facts (company_id, confidence DESC, field, source);
CREATE INDEX memories_by_age ON memories (contact_id, created_at DESC, kind, text);
