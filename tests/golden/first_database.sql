BEGIN TRANSACTION;
CREATE TABLE audit (
  audit_id TEXT NOT NULL PRIMARY KEY,
  thread_id TEXT NOT NULL,
  at TEXT NOT NULL,
  principal TEXT NOT NULL,
  action TEXT NOT NULL,
  draft_id TEXT,
  version INTEGER,
  detail TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
INSERT INTO "audit" VALUES('decision:3ceb6a62cc36445aa8496496d0108038','close:bob','2026-11-23T09:00:00.000Z','ana','edit','6bfcc613ed55e827b38a0063c5e53097',1,'');
INSERT INTO "audit" VALUES('decision:5892aa62cf7446e78272bb19c86e6681','close:dan','2026-11-23T09:00:00.000Z','ana','approve','43ae3ffd814487df22dd15f6b1ba300a',1,'');
INSERT INTO "audit" VALUES('decision:c5aab32e77644308b5c1b27b7e0c96f4','close:ada','2026-11-23T09:00:00.000Z','ana','regenerate','a41d5fe325a296fc6a8a86f90ddebe5b',1,'');
INSERT INTO "audit" VALUES('decision:killed','close:cleo','2026-11-23T09:00:00.000Z','ana','approve','9120dc667681d6aefe8da02d842ef3ae',1,'');
INSERT INTO "audit" VALUES('enrol:close:ada','close:ada','2026-11-23T09:00:00.000Z','op','enrol',NULL,NULL,'');
INSERT INTO "audit" VALUES('enrol:close:bob','close:bob','2026-11-23T09:00:00.000Z','op','enrol',NULL,NULL,'');
INSERT INTO "audit" VALUES('enrol:close:cleo','close:cleo','2026-11-23T09:00:00.000Z','op','enrol',NULL,NULL,'');
INSERT INTO "audit" VALUES('enrol:close:dan','close:dan','2026-11-23T09:00:00.000Z','op','enrol',NULL,NULL,'');
INSERT INTO "audit" VALUES('run:close:ada:1','close:ada','2026-11-23T09:00:00.000Z','cron','resume','a41d5fe325a296fc6a8a86f90ddebe5b',NULL,'awaiting_approval');
INSERT INTO "audit" VALUES('run:close:ada:2','close:ada','2026-11-23T09:00:00.000Z','ana','regenerate','ead1da0f88fc7924094895f5a7b3e4f1',NULL,'awaiting_approval');
INSERT INTO "audit" VALUES('run:close:bob:1','close:bob','2026-11-23T09:00:00.000Z','cron','resume','6bfcc613ed55e827b38a0063c5e53097',NULL,'awaiting_approval');
INSERT INTO "audit" VALUES('run:close:bob:2','close:bob','2026-11-23T09:00:00.000Z','ana','edit',NULL,NULL,'scheduled');
INSERT INTO "audit" VALUES('run:close:cleo:1','close:cleo','2026-11-23T09:00:00.000Z','cron','resume','9120dc667681d6aefe8da02d842ef3ae',NULL,'awaiting_approval');
INSERT INTO "audit" VALUES('run:close:dan:1','close:dan','2026-11-23T09:00:00.000Z','cron','resume','43ae3ffd814487df22dd15f6b1ba300a',NULL,'awaiting_approval');
INSERT INTO "audit" VALUES('run:close:dan:2','close:dan','2026-11-23T09:00:00.000Z','ana','approve',NULL,NULL,'scheduled');
CREATE TABLE campaigns (
  campaign_id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  offer TEXT NOT NULL,
  sender_name TEXT NOT NULL,
  sender_address TEXT NOT NULL,
  allowed_links TEXT NOT NULL,
  created_at TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "campaigns" VALUES('close','Close','We shorten the close.','Ben Ortiz','ben@vendor.example','["https://vendor.example/close"]','');
CREATE TABLE checkpoint_blobs (
  thread_id TEXT NOT NULL,
  blob_id TEXT NOT NULL,
  part INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (thread_id, blob_id, part)
) WITHOUT ROWID;
CREATE TABLE checkpoint_runs (
  run_id TEXT NOT NULL,
  thread_id TEXT NOT NULL,
  PRIMARY KEY (run_id, thread_id)
) WITHOUT ROWID;
CREATE TABLE checkpoint_writes (
  thread_id TEXT NOT NULL,
  checkpoint_ns TEXT NOT NULL,
  checkpoint_id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  call_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  refs TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, call_id)
) WITHOUT ROWID;
INSERT INTO "checkpoint_writes" VALUES('close:ada','','1f1e8ccd-9242-6c93-8003-22e16b5c4bda','4a2c383d-4b8a-6b96-28f2-513da4d9d6a9','38d0bb5020c842c0ba7d086ff4220119',0,'[]','raw:51X7g8JBZ8uSvn5fX3ByZWdlbF9wdWxsLCBhd2FpdF9hcHByb3ZhbJGT/a1fX2ludGVycnVwdF9fkqdtc2dwYWNrxICRx3wCk69sYW5nZ3JhcGgudHlwZXOpSW50ZXJydXB0g6V2YWx1ZYOpdGhyZWFkX2lkqWNsb3NlOmFkYaRzdGVwAKd2ZXJzaW9uAaJpZNkgYTQxZDVmZTMyNWEyOTZmYzZhOGE4NmY5MGRkZWJlNWKvcmVzcG9uc2Vfc2NoZW1hwA==');
INSERT INTO "checkpoint_writes" VALUES('close:ada','','1f1e8ccd-92b0-6647-8006-142664622ac8','ebcc4662-ed4a-58ca-8a5e-9b966176c2ba','a5747e896c0b413d8e514da87ca5e377',0,'[]','raw:h7whWu9l/VeSvn5fX3ByZWdlbF9wdWxsLCBhd2FpdF9hcHByb3ZhbJGT/a1fX2ludGVycnVwdF9fkqdtc2dwYWNrxICRx3wCk69sYW5nZ3JhcGgudHlwZXOpSW50ZXJydXB0g6V2YWx1ZYOpdGhyZWFkX2lkqWNsb3NlOmFkYaRzdGVwAKd2ZXJzaW9uAqJpZNkgZWFkMWRhMGY4OGZjNzkyNDA5NDg5NWY1YTdiM2U0ZjGvcmVzcG9uc2Vfc2NoZW1hwA==');
INSERT INTO "checkpoint_writes" VALUES('close:bob','','1f1e8ccd-9244-6702-8003-d738b0af4806','08d4fc69-57a1-6b9a-43cb-de120e47f972','21fbb4eac191472fbdeae2ed31793022',0,'[]','raw:d0FT/ABJkG6Svn5fX3ByZWdlbF9wdWxsLCBhd2FpdF9hcHByb3ZhbJGT/a1fX2ludGVycnVwdF9fkqdtc2dwYWNrxICRx3wCk69sYW5nZ3JhcGgudHlwZXOpSW50ZXJydXB0g6V2YWx1ZYOpdGhyZWFkX2lkqWNsb3NlOmJvYqRzdGVwAKd2ZXJzaW9uAaJpZNkgNmJmY2M2MTNlZDU1ZTgyN2IzOGEwMDYzYzVlNTMwOTevcmVzcG9uc2Vfc2NoZW1hwA==');
INSERT INTO "checkpoint_writes" VALUES('close:cleo','','1f1e8ccd-9267-68c8-8003-1d889cba79ec','54ba6a5b-dba4-28d0-ce58-3aff262676c1','7ac58fe617e542088c488ee9fd6053c8',0,'[]','raw:fdw/nafjR1mSvn5fX3ByZWdlbF9wdWxsLCBhd2FpdF9hcHByb3ZhbJGT/a1fX2ludGVycnVwdF9fkqdtc2dwYWNrxIGRx30Ck69sYW5nZ3JhcGgudHlwZXOpSW50ZXJydXB0g6V2YWx1ZYOpdGhyZWFkX2lkqmNsb3NlOmNsZW+kc3RlcACndmVyc2lvbgGiaWTZIDkxMjBkYzY2NzY4MWQ2YWVmZThkYTAyZDg0MmVmM2Flr3Jlc3BvbnNlX3NjaGVtYcA=');
INSERT INTO "checkpoint_writes" VALUES('close:dan','','1f1e8ccd-927c-643f-8003-2109f3a60d39','449aa815-0652-a35d-1585-761bc09839f7','e17c85403e21427b881424efc75cf5cd',0,'[]','raw:gT8NeQuI/teSvn5fX3ByZWdlbF9wdWxsLCBhd2FpdF9hcHByb3ZhbJGT/a1fX2ludGVycnVwdF9fkqdtc2dwYWNrxICRx3wCk69sYW5nZ3JhcGgudHlwZXOpSW50ZXJydXB0g6V2YWx1ZYOpdGhyZWFkX2lkqWNsb3NlOmRhbqRzdGVwAKd2ZXJzaW9uAaJpZNkgNDNhZTNmZmQ4MTQ0ODdkZjIyZGQxNWY2YjFiYTMwMGGvcmVzcG9uc2Vfc2NoZW1hwA==');
CREATE TABLE checkpoints (
  thread_id TEXT NOT NULL,
  checkpoint_ns TEXT NOT NULL,
  checkpoint_id TEXT NOT NULL,
  parent_id TEXT,
  run_id TEXT,
  tags TEXT NOT NULL,
  channels TEXT NOT NULL,
  open_deltas TEXT NOT NULL,
  refs TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
) WITHOUT ROWID;
INSERT INTO "checkpoints" VALUES('close:ada','','1f1e8ccd-9242-6c93-8003-22e16b5c4bda',NULL,NULL,'{"parents":"{}","source":"\"loop\"","step":"3"}','["branch:to:await_approval","coach_meta","coach_plan","decision","draft","thread_id","version"]','[]','[]','zip:g7C54jPKIlx4nMVUP28TSRSP47hxdQUlxVN0xZ2II3tNLOwGHRWp0AkaqtXzzLN38OzMamY2PlMlAnLFVQf3BUD5S7AEghNcQwUV8AHSISoKPgSzazteLkS67qaa2Zn35vdv58H9/dj2E2SDt6Uv2w83lh45ewxBPWjVGo1asHajEXSarU6zudoO6u1W+0K93qnXHwl+/GOj16BLjPFaO7gY1Fqs3axdqtebtSCgRqu7xi52OT5lESpFMtwgY4VW9o/DMLQOjQvDxUMXGUIeCr74omtQsajjdIdpZFGYSFTlx6fnMTks/104HREbhIYSOVp6WWwSJ9pS6HTKosouN9hzlf0piMoBJyby2at5CQ5RuBCTxOgNlJXxDHFoidQ9D1uoJPWwN+cMtubTUgHr1nfZLB4VsG59n0J5/A3wrbMYLT1NE46OeDjV1/51JpMTshMVZiKc+P7m/J09q1PDaEdqnexYR0l5P0FDytnN3+cmzSuqh0x6LB3kWKBdSNLy9i6qvqR/EGykjSMDsVYuqpHikNfuOK1ojwtDzD1hyEkxCjmO7IOFcuUoxt8mRMmWx9bpJGRG+C4CX1/3KxhGpAAhJnJC9UFY6Go9IL76OONMyitBdz001RN553eXPy7kY89zsVq9yvAq4qD9JnRHYH3/xOs5VWI31pzkAW1Myv88/jUHnQPswLqz/6YDDgdkIdOKIDsFP006dfw3yv6nNfA3pijBG+0V+bmQ57mw0faeJxAn7jnDOEHRV4UATUHNoB7ly5ChlLb0ZBJO50VQ9v3LsU7dfH3ugGnrwtTydwvTcToFpdIkHwUXP9/dt2n3lnfoxU1P5pSFXc1Hx8+ukpQafuG4UqTv4+MNktq7kx9eheuRRwrDTCo5uFytXiHrvBh9NNyu+JWCa8aJ29Xqeg9GOoWhTiUHg14/A0o7iAgN9Lw83nfAPgq1AvlfA0PhIlhOlUebqdOlZS82h3W/4a/MaodZfCZFZ2fky/tsfJhm5HlW4zys/ycefYPJJB6zTIwpRiFnD8F/T8Onb9Pww+k0nDwR93dUKuWbhTMfk9mBr26Reco=');
INSERT INTO "checkpoints" VALUES('close:ada','','1f1e8ccd-92b0-6647-8006-142664622ac8','1f1e8ccd-9242-6c93-8003-22e16b5c4bda',NULL,'{"parents":"{}","source":"\"loop\"","step":"6"}','["branch:to:await_approval","coach_meta","coach_plan","decision","draft","thread_id","version"]','[]','[]','zip:Twv2gHB3ZTJ4nMVUPW8bRxAVKdMWWLlIFaRYCCkcRBRIymYkNkZSWVUQOI2rw3B3yNtwb/ewuyearkzEkAtXsfMHYujTMg0bdmCnSeVUtn6AurQB8iMyd0eKp0gE0mWrnduZ2ffevNsnj/cj14uB9/8oH2//snXpqXcnrFlvtmqNRq154/tGs73Waq+trW60rn+1sf5lvd6u159KcfJ5o9vAdc5FbaPZqddadFxbr9ep7nqTglazCXz9JQ9Ba1TBFlonjXaPDoPAebA+CMqHPrQIIpCi/KZjQfOw7U2bG+BhECvQi8/O7yP0sPhrITtE3g8sxmp45W2xSRQbh4E3CQ+XdoWFrl/an4BYOhDIZbZ7NyuBAUgfQBxbswVqaTxFHDhE/ZBgSx0nBPv+jMFoti0VsI4uZFM+KmAdXUzh8vgM8NE8RlfGKRyP1iYxXf6ooOQ8zabkK7kYlVMNKoWJXIzq0jwYlbnyVS4e6IuzWaP59S+TWIBHEUwM5H6em3vKJGc2JXpq7Pef/bjnTGI57ihj4h3nMb68H4NF7d39hzPtZhXVQ66IZRsEFPSc/Sql5e1d0D2FvwFzobE0CRYZ7cMaasGy2h1vNO4JaZH75xwEao6BgKF7srBYOYrgbi4husWx8yYOuJXURcLvtyligxA1AxYheql7TDrWMaaPYvVZyhk1KYEPCJruyqzzh5t/LmRrj7g4o9+leDUKZuiQdYbMUf+Y9JwosRsZgeoAt/Lyn06+y0BnANts07t/02Ee+uhYqhWyNItdyzu16RumD8YNRjcmoBh5hhT5omC+mbDh9h4RiGL/mkMUg+zpgj0moKZQj7Iw4KCUKz3P/z5PImj38e3YJH4Wf3LAjfNB4sSHhck674JSOfdHYYp/Pdh3SecHmtCbO0Tm3Ag7RgxPXt1CpQz7WsBKkT7ZhwakDE0nS15lt0NCygapVKp/s1r9Bp0nMXpghVuhSLNvrZf3qtXNLhuahA1MogSzQPpZpo1nIYJlXZKH5s6gB1KvsOwHZAPpQ7acaEKbqtPBZRJbsE06oCvT2kFqn7xovkf+/piu44lHXqc1nmD9P/boWYhze0w9McYIpJo+Mf/ZDcelT8/a4ep5O5y+EY93dKLU+4W5r8k04R9V/tKu');
INSERT INTO "checkpoints" VALUES('close:bob','','1f1e8ccd-9244-6702-8003-d738b0af4806',NULL,NULL,'{"parents":"{}","source":"\"loop\"","step":"3"}','["branch:to:await_approval","coach_meta","coach_plan","decision","draft","thread_id","version"]','[]','[]','zip:1ITZavErlL14nMVUP28bNxS3LGvR1CFjhgejQ4taxkmyHUdL0E7xVATOkunwjnzSMeKRB5JnRZ1iJHWHTo3zBRL4bxwBCZIi6dIpnZJ8AG9Bpg75EOWdJOtSx0C3ciKPfI+/f8fdB4eJ7aXI+n9VPu082lp47OwptILWWqPZbLRWbzZbnfZap91evtpqtVdXvwuCThA8Fvz062a3SeuM8cbV1spKY+1K0GqsB0G7wa+016MAuyvrwdozFqNSJMMtMlZoZX89DkPr0LgwnD92sSHkoeDzLyODisUdpztMI4vDVKKqPjk/T8hh9ffS6ZhYPzSUyuHCq3KTJNWWQqczFtf2ucGuqx1OQNSOODFRzF7PSnCAwoWYpkZvoayNpohDS6R+9rCFSjMP++6MwfZsWilh3f4im/mTEtbtL1Oojj4Dvn0Ro4VnWcrREQ8n+tqHFzI5IztWYSrCme9vLt87sDozjPak1umedZRWD1M0pJy9+8vMpFlF/ZhJj6UT6ahEu5SkxZ19VD1JfyDYWBtHBhKtXNwgxaGo3XNa0QEXhph7ypCTYhRyHNrduWrtJME7Y6JkqyPrdBoyI3wXgX9u+hUMYlKAkBA5oXogLERa94kvP8k5k/JK0H0PTXVF0fnttQ9zxTjwXKxWr3O8ijhovwnREKzvn3o9J0rsJ5qTPKKtcflvpzcK0AXADmw4+2864LBPFnKtCPJT8M24U8d/o/x/WgV/Y4YSvNFekW9LeZ4JG+8ceAJJ6l4wTFIUPVUK0ATUFOpJsQwZSmkrT8fhdF4EZd+9GunMzdaXjpi2Lswsfzs3GedTUKmM81Fy8e/7hzaLbnuHXt7yZM5ZGGk+PH1+naTU8D3HpTJ9Hx9vkNTeneLwMmzGHikMcqlk/1q9/gNZ58XooeF2ya8U/Gic+Kle3+jCUGcw0JnkYNDrZ0BpBzGhga6Xx/sO2EOhlqD4a2AgXAyLmfJoc3UiWvRic9jwG/7KvHaQx2dcdHFGPr3Lx/tJRl7kNc7D+n/i0TOYjuMxzcSIEhRy+hD89zR8/DwNX51Pw9kT8WBPZVK+mbvwMZke+AdNqXlG');
INSERT INTO "checkpoints" VALUES('close:bob','','1f1e8ccd-92da-615f-8006-be3c816fc249','1f1e8ccd-9244-6702-8003-d738b0af4806',NULL,'{"parents":"{}","source":"\"loop\"","step":"6"}','["anchor_at","coach_meta","coach_plan","decision","draft","standing","step","thread_id","touches","version"]','[]','[]','zip:86S5Pma8NSh4nNVVv4/cRBS+H7nc6SqQaJAoRicKENmT1157vStEgAZSIISSBhrreebtrjnvjOUZ3+aosiI6KVDl8hcQXe5HLouCEpTQUIUq4Q/YBiEqCgr+BJ69v3zJrYAK4WbXnpk33/u+7713a++wq9sJ8K2fli/vfrN97rbRQ2ZbtlepViu2e6VqNx2v6TibDb/qWfW3LKtpWbcjMXy92qqiz7moNGwBFa/qtiq+ZXmVEB1Oe1vcrjXu8w5IiXGwjamOlNS/LLx8HATaQGqCYOnYdFIEEURi6WGYguSdplFNroB3giQGuXz3xf9dNLD8fWl3B/lWkGIS75x7VA7STZTGwKiMd1buiBRaZuVwDGPlSCCP8n9rj2dHoAeRCSBJUrUN8fkSIo1SjCKtHhY/qFeP80WVBmBWS9dqWhNZjIHEq2ZtXxtM1o4oXSki2V4bTGgINKK8QUxEMsmIiWszUvqzv4ul9PtnErR0Ukq/fzYry4NTXPTnkXRukMMxmKZZQpd/XRJnngxTPsf8TmldKYn8b7Waq8jK2R759vSu/vzzd2c69s9U9/zglH79ecKu3s8SAQZFMPa3vjVNfap2If60vJ689uWBVlnKcT9WKikWzx8mkKI0+tpXM7JnJ9aPeUy0NEMVPhdrcXHmvtnXVx9P69a5YjWaRaluWpb1WUm/Wb0vbuzeAdmO8QdgmmKR8qyrpOlUiA9WXL1vlMQDEaXIzT0OAiXHQMCOvrWwvHLShavBuBqWB9qoJOBpRFEi+PEyvbFeByUD1kU0RAeLNAuV2kKxeTfXAyWlgNcJmmxFReSnF39dKJ4DokIr+TjHK1EwRYss3GGa4ifE+pjIO10lMD7C7dHxm8NPCtAFwCa7ZPTz6TADW6hZTjWyfBd7YxSpSd8w73ouoxsziBl5lBh5s2T2Gc+d3QNKoJuYBxy6CURtWbLjGNQE6knxGnCIY714b1TthkiQ+tmjgcrM7P2VI660CTItni6Mn0l5lYUfVVpJxd+vH+os/JwUevgpJfOChKESO8PvPsQ4Vuw9ARfK6ZP7SKBYkTrF5k12uUNIWS+nKt66uL7+PmpDZLQhFfoCvUn2cWqiL9bXL7XYjspYT2WxYCkQfymTyrAOQspaRA/pzqANkbzAioJnvch02EYmCW3OTogbRLZgl2iBrszP9nL7jA7N98gfz/Ln57FHHuRnDMH6b+zRTiEZ2WPiiQF2IYonLe2fu+G302546UU3TDvM3r7M4vjJwmQUzcywtHHzRtEqFg4pGmHAfWpu5qjwDPWWIfPCFude1UHhuujb9dDxgYa2w110HatRn1hucWKqex/tMNWTJDQ54DaY+T2mi1pDG/Nrqm+H9bpVrdfR5Z7viJoTilatbtV8dELfrTda75K2QqWbeJVKKMZ37o8g/h9EfzDRYS7aP0+1sRMUkcmhgoQxyoOEWKZRMYG59/fCDD/QHbBdrylqDai6niPsWmjZNlZrPATfR+65vOWJuuuGPjQcy2r4dceu+p6PAIiO5dqeXavDdD7NukpIo8mAyfTxZMqJMfYhyydo3r1bKi0Iyccfa0PCjGIJaD3IP4zGQFB2h3faHX8Bwv8OCQ==');
INSERT INTO "checkpoints" VALUES('close:cleo','','1f1e8ccd-9267-68c8-8003-1d889cba79ec',NULL,NULL,'{"parents":"{}","source":"\"loop\"","step":"3"}','["branch:to:await_approval","coach_meta","coach_plan","decision","draft","thread_id","version"]','[]','[]','zip:Wsa/BsD3RRF4nMVUvW8bNxS3LGtxlwwdOzwYHVrUMvQBO7KWoJ3qqQjSJdPhiXzSseKRB5JnVZ1iNHWHTk3yDzTwV+wISJEUSZdO6ZT0D/BWdOqQP6LvTpJ1qWOgWzmRR77H39fx/r3jxA9SFMPfK2/2f9pdeRj8ObQara16s1lvbX7ZbHXbW912e2O7vdlotj5pNLqNxkMlzz9s9pvUEULWt1tb1+tbHdGpdxqNdr0pO51t0cPr2ySeiBiNIR3tkvPKGv/DoyjyAV2IouVHIXaEMlJy+VnPoRFxN9iusCjiKNVoqqeX5wkFrP5SOh2TGEaOUj1eeV5ukqTWUxRsJuLaoXTYD7XjGYjaiSShitmLRQmOUIUI09TZXdS1yRxx5InMdwxbmTRj2HcWDPYW00oJ69472SyflbDuvZtCdfIW8L2rGK08yVKJgWQ009c/uJLJBdmpCnMRLnx/+cG3R95mTtCBtjY98IHS6nGKjkzwd75fmLSoeO9UaMbSFZpsiXcpSmv7h2gGmn5F8LF1gRwk1oS4TkZCUXwQrKEjqRyJ8FigJCMokjj295eqtbMEv54yJV+d+GDTSDjFXRT+dotXMIrJAEJCFJQZgPLQs3ZIcuM0J02GpaC7DM30VdH51Y0/l4pxxGS8NS9yvIYkWN6E3hg8909Z0JkUh4mVpE9od1r+4/nNAnQBsAs7wf+bDgQckodcLIL8FHw07dTlb5T/UJvAN2aogZ1mRT4uBXqhbLx/xASSNDwVmKSoBqaUoBmoOdSzYhkJ1NpXHk/TGVgE418/n9gsLNbvnwjrQ5R5+WppNi7HoFKZBqTk4t93j33W+4odenabyVyysGfl+Pznz0lrC59KXC/T5/ywQdqyO8XhDbgVM1IY5VLp4Y3V1c/IBxZjgE76dV4Z+MIF9c3q6k4fxjaDkc20BIesnwNjA8SEDvosD/sOOEBl1qH4bWCkQgxrmWG0uTo9WmOxJezwBl+Z147y+EyLrs7Im9f5+GOWkad5TWBY/088Bg7TaTzmmZhQgkrPX4L/noa/3k7DtctpuHgj7h2YTOuXS1e+JvMD/wC6Mnpc');
INSERT INTO "checkpoints" VALUES('close:dan','','1f1e8ccd-927c-643f-8003-2109f3a60d39',NULL,NULL,'{"parents":"{}","source":"\"loop\"","step":"3"}','["branch:to:await_approval","coach_meta","coach_plan","decision","draft","thread_id","version"]','[]','[]','zip:HlhnJWJ5lhh4nMVUP28TSRSP47hxRUFJ8RRdcSfiaG2TgN2goyLVCYWGavU88+yd8+zMamY2xlcRAbniqgO+AFH+EiyBAAHNVVwF9wHSna6i4EMwu7bjhRCJ7qaa2Zn35vdv5+GD/dj2EmT9v0ufth5vLGw7ewyNoLFaq9drjZWb9Ua7udpuNpdbl5orrcsXg6AdBNuCH/9Q79bpCmO81mpcZrXVS81u7UoQNGuNetDqNnE14M3WMxahUiTDDTJWaGX/OAxD69C4MJw/dJEh5KHg8y87BhWL2k63mUYWhYlEVX5yeh6Tw/KrwumIWD80lMjhwutikzjRlkKnUxZVdrnBrqvsT0BUDjgxkc/ezEpwgMKFmCRGb6CsjKaIQ0uk7nvYQiWph31nxmBzNi0VsG5+k838UQHr5rcplEdfAN88i9HCszTh6IiHE33tozOZnJAdqzAV4cT3dxfu7lmdGkY7UutkxzpKyvsJGlLO3vl9ZtKsonrIpMfS5qgKtAtJWtzaRdWT9BbBRto4MhBr5aIaKQ557Y7Tiva4MMTcU4acFKOQ49A+nCtXjmK8PSZKtjyyTichM8J3EfjXul/BICIFCDGRE6oHwkJH6z7x5ScZZ1JeCbrnoamuyDu/v/rvXD72PBer1ZsMryIO2m9CZwjW90+8nhMldmPNSR7Qxrj8z+MbOegcYBvWnP2aDjjsk4VMK4LsFPw47tT23yj7n1bA35iiBG+0V+SnQp5nwkZbe55AnLgXDOMERU8VAjQBNYV6lC9DhlLa0tNxOJ0XQdkPr0c6dbP1+QOmrQtTy9/PTcbpFJRK43wUXPx4b9+mnV+9Qy9veTKnLOxoPjx+fp2k1PAzx6UifR8fb5DU3p388DKsRx4pDDKpZP9qtXqNrPNi9NBwu+RXCn4xTvxWra51YahTGOhUcjDo9TOgtIOI0EDXy+N9B+yhUEuQ/zUwEC6CxVR5tJk6HVr0YnNY8xv+yqx2kMVnXHR2Rj59yMY/k4y8yGqch/X/xKNnMBnHY5qJEcUo5PQh+P40/PdlGs6dTsPJE/FgR6VSvps78zGZHvgMtBB5gg==');
INSERT INTO "checkpoints" VALUES('close:dan','','1f1e8ccd-9300-63d8-8006-320c7a4a6566','1f1e8ccd-927c-643f-8003-2109f3a60d39',NULL,'{"parents":"{}","source":"\"loop\"","step":"6"}','["anchor_at","coach_meta","coach_plan","decision","draft","standing","step","thread_id","touches","version"]','[]','[]','zip:ytHJqVS9FbV4nNVVS2/cVBTOs4myAokNEourigWITGSPZzz2CFFgA10hlG5gYx3fezw28dxr+V4nDauOqCIVVk1/AVWaVztVUYoaNqzKquUHzAYhVixY8BO49jzsNJkCK4Q3flzfc7/zfd85587uQVd2EqAbP82v73y7uXBXyQGpG3W7Zpq1evOaWW9bdtuy1ly3VXfMdwyjbRh3IzZ40wxMdChlNdcyjJptMafmGIZds+oGbUED7KZtP6IhcI6xt4mpjASXv8y8euR5UkGqPG/uSIUpAvMiNvfYT4HTsK1EmwqgoZfEwOePzz93UcH895W/Q6QbXopJvL3wpBqkmwiJnhIZDRfvsRQCtXgwgrF4yJBG+dPyabkFtiBSHiRJKjYhvlRBJJGzYaSlg+KGcukoXxSpB2qpcqzUayyL0eN4XS3vSYXJ8qFOl7OId5b7Yxo8ichvaSYinmSaiRslKb3ycbaSfu9CgubuV9LvXczKfP8MF71pJC30czgK0zRL9OHfVMSZJsOEzxG/E1oXKyL/W62mKrJ4sUcenv2rN33/calj70J1L/XP6NebJuzSoyxhoJB5I3/LO5PUJ2oX4k/K6+kbX+1LkaUU92IhkmLx0kECKXIlb3xdkl3uWDmisaalzYC/EGt2tnRf+fX100ndWtcMt12U6pphGJ9X9Cvrffbyzj3gnRh/ACJ1LK086QquwprmgxRH7ynBcZ9FKVL1gAJDTtFjsC3vzMwv3u/CdW9UDfN9qUTi0TTSUSL4cV2/ka0QOQHSRVSaDhJJ4guxgWztONcDuU4Bb2poPIiKyM+u/DpTXPuaCin4aY6XIyNCLxJ/m0gdP9Gsj4i81xUM40PcHG6/Pfi0AF0AbJOrSr6YDlGwgZLkVCPJ/yJvDSO19TfMu16T6BMziIn2qGbk7YrZS57DnX2dQDdRJxS6CUQdXrHjCNQY6v3i1aMQx3L2wbDalSaBy+dP+iJT5ftrh1RI5WWSPZsZXePyqgo/rLSKir/fPJCZ/4VW6PFnOplzEvqCbQ+++xjjWJAPGKxW09fu0wLFQqtT/LxG1kONlGzlVMUbV1ZWPkSpNBkdSJlc1W+cfJKq6MuVlasB2RYZ2RJZzEgKmr+UcKFIiJCSQNOjdSfQgYivkqLgyVakQnI54xptzo6PlzXZjFzVC/rIfO9Wbp/hpuke+eN5fv088shJvkdpWP+NPTopJEN7jD3Rxy5E8bil/XM3/HbWDa+cd8Okw+zu8SyOn86MR1Fphrna7VtFq5g50NE0BtzTzU0dFp7RvWVAGhagFQTMMRsNp8WCep0xsxnYvumDHuMwttzsS011F9T0XtNFKaGD+XHmuzZjvtt0WMMJkLXq1PKb1EXDd7GObgDW+1pjJtI1vK5LKcb3Hg2h/h/EPxnrMRXtn2fa2cPhHCo6GXAYAd1PNOF6aoyR7v69RoOPZAj1pt1uuGbAfAMbGBhGy3Yds+WYANS2XLNpMNvAum8blkNt2jKZD4bvgBtQs8VaATDXmYyqssH4ekopUJk8Gg88NoI/IPkwzRt5INKCk3wSkg4kRAmSgJT9/MNwInhVg9hnDfIXm+0Ulw==');
CREATE TABLE companies (
  company_id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  domain TEXT
) WITHOUT ROWID;
INSERT INTO "companies" VALUES('northwind','Northwind','northwind.example');
CREATE TABLE company_facts (
  company_id TEXT NOT NULL,
  field TEXT NOT NULL,
  source TEXT NOT NULL,
  value TEXT NOT NULL,
  confidence REAL NOT NULL,
  observed_at TEXT NOT NULL,
  PRIMARY KEY (company_id, field, source)
) WITHOUT ROWID;
INSERT INTO "company_facts" VALUES('northwind','close_days','the 2025 annual report','Its month-end close takes three days',0.9,'2026-10-01');
CREATE TABLE contacts (
  contact_id TEXT NOT NULL PRIMARY KEY,
  company_id TEXT,
  address TEXT NOT NULL,
  address_sha256 TEXT NOT NULL,
  name TEXT NOT NULL,
  title TEXT NOT NULL,
  time_zone TEXT,
  do_not_contact INTEGER NOT NULL DEFAULT 0,
  bounced INTEGER NOT NULL DEFAULT 0,
  unsubscribed INTEGER NOT NULL DEFAULT 0,
  replied INTEGER NOT NULL DEFAULT 0,
  updated_at TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "contacts" VALUES('ada','northwind','ada@northwind.example','dba86479afbaf94f50b6b6a093bdf29e40656e11874321bfca1718252afe1a0f','Ada Ngata','CFO',NULL,0,0,0,0,'2026-11-01T00:00:00.000Z');
INSERT INTO "contacts" VALUES('bob','northwind','bob@northwind.example','805c0ffed05511305a940797a0514817f5f7f82a27cafcd500a8d2b52d04ebc6','Ada Ngata','CFO',NULL,0,0,0,0,'2026-11-01T00:00:00.000Z');
INSERT INTO "contacts" VALUES('cleo','northwind','cleo@northwind.example','039e0c66d6969bb16e7c0149f19e65f11ef9da8c4dd8531001f4d6fc79d58433','Ada Ngata','CFO',NULL,0,0,0,0,'2026-11-01T00:00:00.000Z');
INSERT INTO "contacts" VALUES('dan','northwind','dan@northwind.example','f5b670fdd77933f39e846e04cceaa34d1d834197d349289ade9d0026acbe2bbb','Ada Ngata','CFO',NULL,0,0,0,0,'2026-11-01T00:00:00.000Z');
CREATE TABLE d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
);
INSERT INTO "d1_migrations" VALUES(1,'0001_campaigns.sql','2026-11-25 12:36:33');
INSERT INTO "d1_migrations" VALUES(2,'0002_checkpoints.sql','2026-11-25 12:36:33');
INSERT INTO "d1_migrations" VALUES(3,'0003_ticks.sql','2026-11-25 12:36:33');
CREATE TABLE drafts (
  draft_id TEXT NOT NULL PRIMARY KEY,
  thread_id TEXT NOT NULL,
  step INTEGER NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  provenance TEXT NOT NULL,
  graph_meta TEXT NOT NULL,
  created_at TEXT NOT NULL,
  decision TEXT,
  decision_key TEXT,
  decided_by TEXT,
  decided_at TEXT,
  approved_subject TEXT,
  approved_body TEXT,
  feedback TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
INSERT INTO "drafts" VALUES('43ae3ffd814487df22dd15f6b1ba300a','close:dan',0,1,'decided','Your month-end close','Hello Ada, three days are a long close. Shall we talk?

Best regards,
Ben Ortiz

If you would rather not hear from me again, reply with "unsubscribe" and I will not write again.','{"confidence": 0.9, "reason": "written by scripted", "source": "model", "evidence": ["close_days: Its month-end close takes three days (source: the 2025 annual report)"]}','{"prompt": "email:compose", "model": "scripted", "model_calls": 1, "input_tokens": 226, "output_tokens": 16, "cost_usd": 0.0}','2026-11-23T09:00:00.000Z','approve','5892aa62cf7446e78272bb19c86e6681','ana','2026-11-23T09:00:00.000Z','Your month-end close','Hello Ada, three days are a long close. Shall we talk?

Best regards,
Ben Ortiz

If you would rather not hear from me again, reply with "unsubscribe" and I will not write again.','','');
INSERT INTO "drafts" VALUES('6bfcc613ed55e827b38a0063c5e53097','close:bob',0,1,'decided','Your month-end close','Hello Ada, three days are a long close. Shall we talk?

Best regards,
Ben Ortiz

If you would rather not hear from me again, reply with "unsubscribe" and I will not write again.','{"confidence": 0.9, "reason": "written by scripted", "source": "model", "evidence": ["close_days: Its month-end close takes three days (source: the 2025 annual report)"]}','{"prompt": "email:compose", "model": "scripted", "model_calls": 1, "input_tokens": 226, "output_tokens": 16, "cost_usd": 0.0}','2026-11-23T09:00:00.000Z','edit','3ceb6a62cc36445aa8496496d0108038','ana','2026-11-23T09:00:00.000Z','My own words','Dear Bob,

mine.

Ben','','');
INSERT INTO "drafts" VALUES('9120dc667681d6aefe8da02d842ef3ae','close:cleo',0,1,'decided','Your month-end close','Hello Ada, three days are a long close. Shall we talk?

Best regards,
Ben Ortiz

If you would rather not hear from me again, reply with "unsubscribe" and I will not write again.','{"confidence": 0.9, "reason": "written by scripted", "source": "model", "evidence": ["close_days: Its month-end close takes three days (source: the 2025 annual report)"]}','{"prompt": "email:compose", "model": "scripted", "model_calls": 1, "input_tokens": 226, "output_tokens": 16, "cost_usd": 0.0}','2026-11-23T09:00:00.000Z','approve','killed','ana','2026-11-23T09:00:00.000Z','Your month-end close','Hello Ada, three days are a long close. Shall we talk?

Best regards,
Ben Ortiz

If you would rather not hear from me again, reply with "unsubscribe" and I will not write again.','','');
INSERT INTO "drafts" VALUES('a41d5fe325a296fc6a8a86f90ddebe5b','close:ada',0,1,'decided','Your month-end close','Hello Ada, three days are a long close. Shall we talk?

Best regards,
Ben Ortiz

If you would rather not hear from me again, reply with "unsubscribe" and I will not write again.','{"confidence": 0.9, "reason": "written by scripted", "source": "model", "evidence": ["close_days: Its month-end close takes three days (source: the 2025 annual report)"]}','{"prompt": "email:compose", "model": "scripted", "model_calls": 1, "input_tokens": 226, "output_tokens": 16, "cost_usd": 0.0}','2026-11-23T09:00:00.000Z','regenerate','c5aab32e77644308b5c1b27b7e0c96f4','ana','2026-11-23T09:00:00.000Z',NULL,NULL,'Shorter, please.','');
INSERT INTO "drafts" VALUES('ead1da0f88fc7924094895f5a7b3e4f1','close:ada',0,2,'pending','Your month-end close','Hello Ada, three days are a long close. Shall we talk?

Best regards,
Ben Ortiz

If you would rather not hear from me again, reply with "unsubscribe" and I will not write again.','{"confidence": 0.9, "reason": "written by scripted", "source": "model", "evidence": ["close_days: Its month-end close takes three days (source: the 2025 annual report)"]}','{"prompt": "email:compose", "model": "scripted", "model_calls": 1, "input_tokens": 282, "output_tokens": 16, "cost_usd": 0.0}','2026-11-23T09:00:00.000Z',NULL,NULL,NULL,NULL,NULL,NULL,'','');
CREATE TABLE flags (
  name TEXT NOT NULL PRIMARY KEY,
  value INTEGER NOT NULL CHECK (value IN (0, 1)),
  set_by TEXT NOT NULL,
  set_at TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "flags" VALUES('CAMPAIGN_COACH_ENABLED',1,'op','2026');
CREATE TABLE guards (
  lease_held INTEGER CONSTRAINT lease_held CHECK (lease_held = 1),
  checkpoint_is_newest INTEGER CONSTRAINT checkpoint_is_newest CHECK (checkpoint_is_newest = 1)
);
CREATE TABLE memories (
  contact_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (contact_id, kind, text)
) WITHOUT ROWID;
CREATE TABLE send_ledger (
  thread_id TEXT NOT NULL,
  step INTEGER NOT NULL,
  contact_id TEXT NOT NULL,
  draft_id TEXT NOT NULL,
  attempt_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('reserved', 'sent', 'failed', 'unknown')),
  email TEXT NOT NULL,
  reserved_at TEXT NOT NULL,
  settled_at TEXT,
  provider_id TEXT NOT NULL DEFAULT '',
  error TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (thread_id, step)
) WITHOUT ROWID;
INSERT INTO "send_ledger" VALUES('close:bob',0,'bob','6bfcc613ed55e827b38a0063c5e53097','3ceb6a62cc36445aa8496496d0108038:2','sent','{"message_id": "<b770177e5c683d43bdf47048e3b8579f@vendor.example>", "idempotency_key": "touch-b770177e5c683d43bdf47048e3b8579f", "sender_name": "Ben Ortiz", "sender_address": "ben@vendor.example", "recipient_name": "Ada Ngata", "recipient_address": "bob@northwind.example", "subject": "My own words", "body": "Dear Bob,\n\nmine.\n\nBen", "sent_at": "2026-11-23T09:00:00.000Z", "headers": {}}','2026-11-23T09:00:00.000Z','2026-11-23T09:00:00.000Z','recording:touch-b770177e5c683d43bdf47048e3b8579f','');
INSERT INTO "send_ledger" VALUES('close:dan',0,'dan','43ae3ffd814487df22dd15f6b1ba300a','5892aa62cf7446e78272bb19c86e6681:2','sent','{"message_id": "<6ddb958d48fed72c3b5c9e0b9e2e9fa3@vendor.example>", "idempotency_key": "touch-6ddb958d48fed72c3b5c9e0b9e2e9fa3", "sender_name": "Ben Ortiz", "sender_address": "ben@vendor.example", "recipient_name": "Ada Ngata", "recipient_address": "dan@northwind.example", "subject": "Your month-end close", "body": "Hello Ada, three days are a long close. Shall we talk?\n\nBest regards,\nBen Ortiz\n\nIf you would rather not hear from me again, reply with \"unsubscribe\" and I will not write again.", "sent_at": "2026-11-23T09:00:00.000Z", "headers": {}}','2026-11-23T09:00:00.000Z','2026-11-23T09:00:00.000Z','recording:touch-6ddb958d48fed72c3b5c9e0b9e2e9fa3','');
CREATE TABLE suppressions (
  address_sha256 TEXT NOT NULL PRIMARY KEY,
  reason TEXT NOT NULL,
  created_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE threads (
  thread_id TEXT NOT NULL PRIMARY KEY,
  campaign_id TEXT NOT NULL,
  contact_id TEXT NOT NULL,
  status TEXT NOT NULL,
  status_reason TEXT NOT NULL DEFAULT '',
  step INTEGER NOT NULL DEFAULT 0,
  enrolled_at TEXT NOT NULL,
  next_touch_at TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  draft_id TEXT,
  lease_owner TEXT,
  lease_until_at TEXT,
  fence INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
INSERT INTO "threads" VALUES('close:ada','close','ada','awaiting_approval','waiting for a person',0,'2026-11-23T09:00:00.000Z',NULL,0,'ead1da0f88fc7924094895f5a7b3e4f1',NULL,NULL,2);
INSERT INTO "threads" VALUES('close:bob','close','bob','scheduled','waiting for the next gap to pass',1,'2026-11-23T09:00:00.000Z','2026-11-26T09:00:00.000Z',0,'6bfcc613ed55e827b38a0063c5e53097',NULL,NULL,2);
INSERT INTO "threads" VALUES('close:cleo','close','cleo','decided','decided, not yet acted on',0,'2026-11-23T09:00:00.000Z','2026-11-23T09:00:00.000Z',0,'9120dc667681d6aefe8da02d842ef3ae','killed','2026-11-23T09:00:00.000Z',2);
INSERT INTO "threads" VALUES('close:dan','close','dan','scheduled','waiting for the next gap to pass',1,'2026-11-23T09:00:00.000Z','2026-11-26T09:00:00.000Z',0,'43ae3ffd814487df22dd15f6b1ba300a',NULL,NULL,2);
CREATE TABLE ticks (
  cron TEXT NOT NULL,
  scheduled_at TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  accepted_at TEXT,
  error TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (cron, scheduled_at)
) WITHOUT ROWID;
CREATE TABLE tokens (
  token_sha256 TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  revoked_at TEXT
) WITHOUT ROWID;
CREATE INDEX threads_due ON threads (next_touch_at) WHERE next_touch_at IS NOT NULL;
CREATE INDEX threads_of_contact ON threads (contact_id);
CREATE UNIQUE INDEX drafts_of_thread ON drafts (thread_id, step, version);
CREATE INDEX drafts_pending ON drafts (created_at) WHERE status = 'pending';
CREATE INDEX sends_to_contact ON send_ledger (contact_id, reserved_at);
CREATE INDEX audit_of_thread ON audit (thread_id, at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('d1_migrations',3);
COMMIT;
