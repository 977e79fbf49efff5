-- What people made of the newest drafts, in the order they decided; a stop says nothing of a draft.
CREATE INDEX drafts_judged ON drafts (decided_at) WHERE status = 'decided' AND decision <> 'stop';
