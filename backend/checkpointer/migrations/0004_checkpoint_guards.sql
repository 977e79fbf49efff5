-- Never holds a row: inserting one fails and rolls the batch back. D1 takes no triggers.
CREATE TABLE checkpoint_guards (
  checkpoint_is_newest INTEGER CONSTRAINT checkpoint_is_newest CHECK (checkpoint_is_newest = 1)
);
