-- anysched: from schema version 0 to 1, for sqlite.
BEGIN IMMEDIATE;
CREATE TABLE "anysched_meta" (
	name TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	PRIMARY KEY (name)
)
 WITHOUT ROWID;
INSERT INTO "anysched_meta" (name, number) VALUES ('schema_version', 0), ('oldest_node', 1), ('tasks_revision', 0), ('holds_revision', 0), ('zones_revision', 0);
CREATE TABLE "anysched_audit" (
	id TEXT NOT NULL, 
	done_at BIGINT NOT NULL, 
	schedule_id TEXT, 
	name TEXT, 
	action TEXT NOT NULL, 
	record TEXT NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID;
CREATE INDEX "anysched_audit_age" ON "anysched_audit" (done_at);
CREATE INDEX "anysched_audit_schedule" ON "anysched_audit" (schedule_id, id);
CREATE TABLE "anysched_configs" (
	id TEXT NOT NULL, 
	configuration TEXT NOT NULL, 
	payload BLOB, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID;
CREATE TABLE "anysched_history" (
	id TEXT NOT NULL, 
	incarnation TEXT NOT NULL, 
	first_time BIGINT NOT NULL, 
	last_time BIGINT NOT NULL, 
	written_at BIGINT NOT NULL, 
	record TEXT NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID;
CREATE INDEX "anysched_history_age" ON "anysched_history" (written_at);
CREATE INDEX "anysched_history_times" ON "anysched_history" (incarnation, last_time);
CREATE TABLE "anysched_holds" (
	id TEXT NOT NULL, 
	until BIGINT, 
	record TEXT NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID;
CREATE TABLE "anysched_jobs" (
	id TEXT NOT NULL, 
	task_id TEXT NOT NULL, 
	schedule_id TEXT, 
	incarnation TEXT, 
	kind TEXT NOT NULL, 
	scheduled_fire_time BIGINT, 
	fire_key BIGINT, 
	run_at BIGINT NOT NULL, 
	ready_at BIGINT, 
	created_at BIGINT NOT NULL, 
	start_deadline BIGINT, 
	held_since BIGINT, 
	attempt INTEGER NOT NULL, 
	token BIGINT NOT NULL, 
	claimed_by TEXT, 
	cancel_requested SMALLINT NOT NULL, 
	job_executor TEXT, 
	result_expiration BIGINT NOT NULL, 
	counted SMALLINT NOT NULL, 
	recorded SMALLINT NOT NULL, 
	backfill_id TEXT, 
	awaited SMALLINT NOT NULL, 
	payload BLOB, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID;
CREATE UNIQUE INDEX "anysched_jobs_fire" ON "anysched_jobs" (incarnation, fire_key);
CREATE INDEX "anysched_jobs_ready" ON "anysched_jobs" (task_id, ready_at, id);
CREATE INDEX "anysched_jobs_running" ON "anysched_jobs" (claimed_by, task_id);
CREATE INDEX "anysched_jobs_schedule" ON "anysched_jobs" (schedule_id);
CREATE TABLE "anysched_nodes" (
	id TEXT NOT NULL, 
	lease_until BIGINT NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID;
CREATE TABLE "anysched_results" (
	job_id TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	started_at BIGINT, 
	finished_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	return_value BLOB, 
	exception TEXT, 
	PRIMARY KEY (job_id)
)
 WITHOUT ROWID;
CREATE INDEX "anysched_results_expiry" ON "anysched_results" (expires_at);
CREATE TABLE "anysched_schedules" (
	id TEXT NOT NULL, 
	task_id TEXT NOT NULL, 
	config_id TEXT NOT NULL, 
	kinds TEXT NOT NULL, 
	incarnation TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	anchor BIGINT NOT NULL, 
	next_fire_time BIGINT, 
	due_at BIGINT, 
	wake_at BIGINT, 
	last_fire_time BIGINT, 
	pause TEXT, 
	error TEXT, 
	jobs_made BIGINT NOT NULL, 
	skipped TEXT, 
	skipped_exact SMALLINT NOT NULL, 
	failures BIGINT NOT NULL, 
	occurrences TEXT, 
	windows TEXT, 
	windowed_until BIGINT, 
	backfills TEXT, 
	waiting TEXT, 
	group_name TEXT, 
	tags TEXT, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID;
CREATE INDEX "anysched_schedules_due" ON "anysched_schedules" (wake_at, task_id);
CREATE INDEX "anysched_schedules_waiting" ON "anysched_schedules" (id) WHERE waiting IS NOT NULL;
CREATE TABLE "anysched_tasks" (
	id TEXT NOT NULL, 
	declared TEXT, 
	declared_metadata BLOB, 
	configured TEXT, 
	configured_metadata BLOB, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID;
CREATE TABLE "anysched_zones" (
	name TEXT NOT NULL, 
	record TEXT NOT NULL, 
	PRIMARY KEY (name)
)
 WITHOUT ROWID;
UPDATE "anysched_meta" SET number=1 WHERE "anysched_meta".name = 'schema_version';
COMMIT;
UPDATE anysched_meta SET number = 2 WHERE name = 'tasks_revision';
INSERT INTO anysched_configs (id, configuration, payload) VALUES ('00000000000070008000080000000000', '{"version":1,"paused":false,"coalesce":"latest","max_catchup":100,"max_jitter":null,"job_result_expiration_time":{"$":"timedelta","v":[40000,0,0]},"group":null,"tags":[],"owner":null,"pause_after_failures":null,"probe_after":null,"fixed_delay":false,"trigger":{"$":"interval@1","v":{"days":0,"end_time":null,"microseconds":0,"seconds":10,"start_time":null}}}', X'7b2261726773223a7b2224223a227475706c65222c2276223a5b22697427732031303025205c5c206f64643a205c75323031635c75303064665c75323031645c6e5c745c75643833645c75646530303b222c372c322e352c6e756c6c2c747275652c5b312c5b325d5d5d7d2c226b7761726773223a7b226174223a7b2224223a226461746574696d65222c2276223a22323032352d30332d30315431323a33303a30302e3030303030372b30303a3030227d2c226576657279223a7b2224223a2274696d6564656c7461222c2276223a5b312c302c315d7d2c226964223a7b2224223a2275756964222c2276223a2230303030303030302d303030302d303030302d303030302d303030303030303030303037227d2c2264617461223a7b2224223a226279746573222c2276223a224150386e4f793074227d2c2273756d223a7b2224223a22646563696d616c222c2276223a22312e3130227d2c22736574223a7b2224223a22736574222c2276223a5b2261225d7d2c2274696d65223a7b2224223a2274696d65222c2276223a2232333a35393a3030227d7d2c226d65746164617461223a7b226f776e6572223a22697427732031303025205c5c206f64643a205c75323031635c75303064665c75323031645c6e5c745c75643833645c75646530303b227d7d');
INSERT INTO anysched_configs (id, configuration, payload) VALUES ('00000000000070008000100000000000', '{"version":1,"paused":false,"coalesce":"latest","max_catchup":100,"max_jitter":null,"job_result_expiration_time":{"$":"timedelta","v":[0,0,0]},"group":null,"tags":[],"owner":null,"pause_after_failures":null,"probe_after":null,"fixed_delay":false,"trigger":{"$":"interval@1","v":{"days":0,"end_time":null,"microseconds":0,"seconds":10,"start_time":null}}}', NULL);
INSERT INTO anysched_configs (id, configuration, payload) VALUES ('00000000000070008000180000000000', '{"version":1,"paused":false,"coalesce":"latest","max_catchup":100,"max_jitter":null,"job_result_expiration_time":{"$":"timedelta","v":[0,0,0]},"group":null,"tags":[],"owner":null,"pause_after_failures":null,"probe_after":null,"fixed_delay":false,"trigger":{"$":"interval@1","v":{"days":0,"end_time":null,"microseconds":0,"seconds":20,"start_time":null}}}', NULL);
INSERT INTO anysched_configs (id, configuration, payload) VALUES ('00000000000070008000200000000000', '{"version":1,"paused":false,"coalesce":"latest","max_catchup":100,"max_jitter":null,"job_result_expiration_time":{"$":"timedelta","v":[0,0,0]},"group":null,"tags":[],"owner":null,"pause_after_failures":null,"probe_after":null,"fixed_delay":false,"trigger":{"$":"interval@1","v":{"days":0,"end_time":null,"microseconds":0,"seconds":20,"start_time":null}}}', NULL);
INSERT INTO anysched_configs (id, configuration, payload) VALUES ('00000000000070008000280000000000', '{"version":1,"paused":false,"coalesce":"latest","max_catchup":100,"max_jitter":null,"job_result_expiration_time":{"$":"timedelta","v":[0,0,0]},"group":null,"tags":[],"owner":null,"pause_after_failures":null,"probe_after":null,"fixed_delay":true,"trigger":{"$":"interval@1","v":{"days":0,"end_time":null,"microseconds":0,"seconds":20,"start_time":null}}}', NULL);
INSERT INTO anysched_configs (id, configuration, payload) VALUES ('00000000000070008000300000000000', '{"version":1,"paused":false,"coalesce":"latest","max_catchup":100,"max_jitter":null,"job_result_expiration_time":{"$":"timedelta","v":[0,0,0]},"group":null,"tags":[],"owner":null,"pause_after_failures":null,"probe_after":null,"fixed_delay":false,"trigger":{"$":"cron@1","v":{"end_time":null,"expression":"*/5 8-17 * * 1-5","fold":"both","gap":"skip","start_time":null,"timezone":{"$":"zone","v":"Europe/Helsinki"}}}}', X'7b2261726773223a7b2224223a227475706c65222c2276223a5b22697427732031303025205c5c206f64643a205c75323031635c75303064665c75323031645c6e5c745c75643833645c75646530303b222c372c322e352c6e756c6c2c747275652c5b312c5b325d5d5d7d2c226b7761726773223a7b226174223a7b2224223a226461746574696d65222c2276223a22323032352d30332d30315431323a33303a30302e3030303030372b30303a3030227d2c226576657279223a7b2224223a2274696d6564656c7461222c2276223a5b312c302c315d7d2c226964223a7b2224223a2275756964222c2276223a2230303030303030302d303030302d303030302d303030302d303030303030303030303037227d2c2264617461223a7b2224223a226279746573222c2276223a224150386e4f793074227d2c2273756d223a7b2224223a22646563696d616c222c2276223a22312e3130227d2c22736574223a7b2224223a22736574222c2276223a5b2261225d7d2c2274696d65223a7b2224223a2274696d65222c2276223a2232333a35393a3030227d7d2c226d65746164617461223a7b226f776e6572223a22697427732031303025205c5c206f64643a205c75323031635c75303064665c75323031645c6e5c745c75643833645c75646530303b227d7d');
INSERT INTO anysched_configs (id, configuration, payload) VALUES ('00000000000070008000380000000000', '{"version":1,"paused":false,"coalesce":"latest","max_catchup":100,"max_jitter":null,"job_result_expiration_time":{"$":"timedelta","v":[0,0,0]},"group":null,"tags":[],"owner":null,"pause_after_failures":null,"probe_after":null,"fixed_delay":false,"trigger":{"$":"calendar_interval@1","v":{"day":"skip","days":0,"end_date":null,"fold":"first","gap":"after","hour":6,"minute":0,"months":1,"second":0,"start_date":{"$":"date","v":"2025-01-01"},"timezone":{"$":"zone","v":"America/New_York"}}}}', NULL);
INSERT INTO anysched_configs (id, configuration, payload) VALUES ('00000000000070008000400000000000', '{"version":1,"paused":false,"coalesce":"latest","max_catchup":100,"max_jitter":null,"job_result_expiration_time":{"$":"timedelta","v":[0,0,0]},"group":null,"tags":[],"owner":null,"pause_after_failures":null,"probe_after":null,"fixed_delay":false,"trigger":{"$":"except@1","v":{"excluded":{"$":"interval@1","v":{"days":0,"end_time":null,"microseconds":0,"seconds":21600,"start_time":{"$":"datetime","v":"2025-01-01T00:00:00+00:00"}}},"trigger":{"$":"or@1","v":{"triggers":[{"$":"interval@1","v":{"days":0,"end_time":null,"microseconds":0,"seconds":7200,"start_time":{"$":"datetime","v":"2025-01-01T00:00:00+00:00"}}},{"$":"cron@1","v":{"end_time":null,"expression":"30 * * * *","fold":"both","gap":"skip","start_time":null,"timezone":{"$":"zone","v":"UTC"}}}]}}}}}', NULL);
INSERT INTO anysched_configs (id, configuration, payload) VALUES ('00000000000070008000480000000000', '{"version":1,"paused":false,"coalesce":"latest","max_catchup":100,"max_jitter":null,"job_result_expiration_time":{"$":"timedelta","v":[0,0,0]},"group":null,"tags":[],"owner":null,"pause_after_failures":null,"probe_after":null,"fixed_delay":false,"trigger":{"$":"date@1","v":{"run_time":{"$":"datetime","v":"2025-01-01T00:00:00+00:00"}}}}', NULL);
INSERT INTO anysched_configs (id, configuration, payload) VALUES ('00000000000070008000500000000000', '{"version":1,"paused":false,"coalesce":"latest","max_catchup":100,"max_jitter":null,"job_result_expiration_time":{"$":"timedelta","v":[0,0,0]},"group":null,"tags":[],"owner":null,"pause_after_failures":null,"probe_after":null,"fixed_delay":false,"trigger":{"$":"interval@1","v":{"days":0,"end_time":null,"microseconds":0,"seconds":3600,"start_time":null}}}', NULL);
INSERT INTO anysched_history (id, incarnation, first_time, last_time, written_at, record) VALUES ('01941f297c00700080005c0000000000', '01941f297c0070008000040000000000', 1735689600000000, 1735689600000000, 1735689600000000, '{"version":1,"run":"regular","schedule_id":"a running job","incarnation":"01941f297c0070008000040000000000","run_at":1735689600000000,"outcome":"success","finished_at":1735689600000000,"fire_time":1735689600000000,"started_at":1735689600000000,"node":"a node"}');
INSERT INTO anysched_history (id, incarnation, first_time, last_time, written_at, record) VALUES ('01941f297c0070008000600000000000', '01941f297c0070008000440000000000', 1735689600000000, 1735689600000000, 1735689600000000, '{"version":1,"run":"regular","schedule_id":"finished","incarnation":"01941f297c0070008000440000000000","run_at":1735689600000000,"outcome":"success","finished_at":1735689600000000,"fire_time":1735689600000000,"started_at":1735689600000000,"node":"a node"}');
INSERT INTO anysched_history (id, incarnation, first_time, last_time, written_at, record) VALUES ('01941f297c0070008000640000000000', '01941f297c0070008000140000000000', 1735689600000000, 1735689600000000, 1735689600000000, '{"version":1,"run":"regular","schedule_id":"paused","incarnation":"01941f297c0070008000140000000000","run_at":1735689600000000,"outcome":"success","finished_at":1735689600000000,"fire_time":1735689600000000,"started_at":1735689600000000,"node":"a node"}');
INSERT INTO anysched_history (id, incarnation, first_time, last_time, written_at, record) VALUES ('01941f297c0070008000680000000000', '01941f297c00700080001c0000000000', 1735689600000000, 1735689600000000, 1735689600000000, '{"version":1,"run":"regular","schedule_id":"paused for a while","incarnation":"01941f297c00700080001c0000000000","run_at":1735689600000000,"outcome":"success","finished_at":1735689600000000,"fire_time":1735689600000000,"started_at":1735689600000000,"node":"a node"}');
INSERT INTO anysched_jobs (id, task_id, schedule_id, incarnation, kind, scheduled_fire_time, fire_key, run_at, ready_at, created_at, start_deadline, held_since, attempt, token, claimed_by, cancel_requested, job_executor, result_expiration, counted, recorded, backfill_id, awaited, payload) VALUES ('01941f297c0070008000540000000000', 'limited', 'held', '01941f297c00700080000c0000000000', 'regular', 1735689600000000, 1735689600000000, 1735689600000000, NULL, 1735689600000000, NULL, 1735689600000000, 1, 0, NULL, 0, NULL, 0, 0, 1, NULL, 0, NULL);
INSERT INTO anysched_jobs (id, task_id, schedule_id, incarnation, kind, scheduled_fire_time, fire_key, run_at, ready_at, created_at, start_deadline, held_since, attempt, token, claimed_by, cancel_requested, job_executor, result_expiration, counted, recorded, backfill_id, awaited, payload) VALUES ('01941f297c0070008000580000000000', 'other', 'waiting', '01941f297c0070008000240000000000', 'regular', 1735689600000000, 1735689600000000, 1735689600000000, 1735689600000000, 1735689600000000, NULL, NULL, 1, 0, NULL, 0, NULL, 0, 0, 1, NULL, 1, NULL);
INSERT INTO anysched_jobs (id, task_id, schedule_id, incarnation, kind, scheduled_fire_time, fire_key, run_at, ready_at, created_at, start_deadline, held_since, attempt, token, claimed_by, cancel_requested, job_executor, result_expiration, counted, recorded, backfill_id, awaited, payload) VALUES ('01941f29a310700080006c0000000000', 'task', 'a running job', '01941f297c0070008000040000000000', 'regular', 1735689610000000, 1735689610000000, 1735689610000000, NULL, 1735689610000000, NULL, NULL, 1, 1, 'a node', 0, NULL, 3456000000000000, 0, 1, NULL, 0, X'7b2261726773223a7b2224223a227475706c65222c2276223a5b22697427732031303025205c5c206f64643a205c75323031635c75303064665c75323031645c6e5c745c75643833645c75646530303b222c372c322e352c6e756c6c2c747275652c5b312c5b325d5d5d7d2c226b7761726773223a7b226174223a7b2224223a226461746574696d65222c2276223a22323032352d30332d30315431323a33303a30302e3030303030372b30303a3030227d2c226576657279223a7b2224223a2274696d6564656c7461222c2276223a5b312c302c315d7d2c226964223a7b2224223a2275756964222c2276223a2230303030303030302d303030302d303030302d303030302d303030303030303030303037227d2c2264617461223a7b2224223a226279746573222c2276223a224150386e4f793074227d2c2273756d223a7b2224223a22646563696d616c222c2276223a22312e3130227d2c22736574223a7b2224223a22736574222c2276223a5b2261225d7d2c2274696d65223a7b2224223a2274696d65222c2276223a2232333a35393a3030227d7d2c226d65746164617461223a7b226f776e6572223a22697427732031303025205c5c206f64643a205c75323031635c75303064665c75323031645c6e5c745c75643833645c75646530303b227d7d');
INSERT INTO anysched_jobs (id, task_id, schedule_id, incarnation, kind, scheduled_fire_time, fire_key, run_at, ready_at, created_at, start_deadline, held_since, attempt, token, claimed_by, cancel_requested, job_executor, result_expiration, counted, recorded, backfill_id, awaited, payload) VALUES ('01941f29a31070008000740000000000', 'other', NULL, NULL, 'direct', NULL, NULL, 1735862400000000, 1735862400000000, 1735689610000000, 1735948800000000, NULL, 1, 0, NULL, 0, 'thread', 0, 0, 0, NULL, 0, X'7b2261726773223a7b2224223a227475706c65222c2276223a5b22697427732031303025205c5c206f64643a205c75323031635c75303064665c75323031645c6e5c745c75643833645c75646530303b222c372c322e352c6e756c6c2c747275652c5b312c5b325d5d5d7d2c226b7761726773223a7b226174223a7b2224223a226461746574696d65222c2276223a22323032352d30332d30315431323a33303a30302e3030303030372b30303a3030227d2c226576657279223a7b2224223a2274696d6564656c7461222c2276223a5b312c302c315d7d2c226964223a7b2224223a2275756964222c2276223a2230303030303030302d303030302d303030302d303030302d303030303030303030303037227d2c2264617461223a7b2224223a226279746573222c2276223a224150386e4f793074227d2c2273756d223a7b2224223a22646563696d616c222c2276223a22312e3130227d2c22736574223a7b2224223a22736574222c2276223a5b2261225d7d2c2274696d65223a7b2224223a2274696d65222c2276223a2232333a35393a3030227d7d2c226d65746164617461223a7b226f776e6572223a22697427732031303025205c5c206f64643a205c75323031635c75303064665c75323031645c6e5c745c75643833645c75646530303b227d7d');
INSERT INTO anysched_nodes (id, lease_until) VALUES ('a node', 1735689640000000);
INSERT INTO anysched_results (job_id, outcome, started_at, finished_at, expires_at, return_value, exception) VALUES ('01941f297c00700080005c0000000000', 'success', 1735689600000000, 1735689600000000, 5191689600000000, X'7b2224223a227475706c65222c2276223a5b22697427732031303025205c5c206f64643a205c75323031635c75303064665c75323031645c6e5c745c75643833645c75646530303b222c372c322e352c6e756c6c2c747275652c5b312c5b325d5d5d7d', NULL);
INSERT INTO anysched_results (job_id, outcome, started_at, finished_at, expires_at, return_value, exception) VALUES ('01941f29a31070008000700000000000', 'error', 1735689610000000, 1735689610000000, 5191689610000000, NULL, '{"version":1,"type":"ValueError","message":"it broke: \u2018\u00df\u2019\n\ud83d\ude00","traceback":"Traceback \u2026\n  File \u2026\nValueError: it broke\n"}');
INSERT INTO anysched_schedules (id, task_id, config_id, kinds, incarnation, revision, anchor, next_fire_time, due_at, wake_at, last_fire_time, pause, error, jobs_made, skipped, skipped_exact, failures, occurrences, windows, windowed_until, backfills, waiting, group_name, tags) VALUES ('a running job', 'task', '00000000000070008000080000000000', 'interval@1', '01941f297c0070008000040000000000', 3, 1735689600000000, 1735689620000000, 1735689620000000, 1735689620000000, 1735689610000000, NULL, NULL, 2, NULL, 1, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO anysched_schedules (id, task_id, config_id, kinds, incarnation, revision, anchor, next_fire_time, due_at, wake_at, last_fire_time, pause, error, jobs_made, skipped, skipped_exact, failures, occurrences, windows, windowed_until, backfills, waiting, group_name, tags) VALUES ('combined', 'other', '00000000000070008000400000000000', 'cron@1
except@1
interval@1
or@1', '01941f297c00700080003c0000000000', 1, 1735689600000000, 1735691400000000, 1735691400000000, 1735691400000000, NULL, NULL, NULL, 0, NULL, 1, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO anysched_schedules (id, task_id, config_id, kinds, incarnation, revision, anchor, next_fire_time, due_at, wake_at, last_fire_time, pause, error, jobs_made, skipped, skipped_exact, failures, occurrences, windows, windowed_until, backfills, waiting, group_name, tags) VALUES ('cron', 'other', '00000000000070008000300000000000', 'cron@1', '01941f297c00700080002c0000000000', 1, 1735689600000000, 1735711200000000, 1735711200000000, 1735711200000000, NULL, NULL, NULL, 0, NULL, 1, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO anysched_schedules (id, task_id, config_id, kinds, incarnation, revision, anchor, next_fire_time, due_at, wake_at, last_fire_time, pause, error, jobs_made, skipped, skipped_exact, failures, occurrences, windows, windowed_until, backfills, waiting, group_name, tags) VALUES ('finished', 'task', '00000000000070008000480000000000', 'date@1', '01941f297c0070008000440000000000', 2, 1735689600000000, NULL, NULL, NULL, 1735689600000000, NULL, NULL, 1, NULL, 1, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO anysched_schedules (id, task_id, config_id, kinds, incarnation, revision, anchor, next_fire_time, due_at, wake_at, last_fire_time, pause, error, jobs_made, skipped, skipped_exact, failures, occurrences, windows, windowed_until, backfills, waiting, group_name, tags) VALUES ('held', 'limited', '00000000000070008000100000000000', 'interval@1', '01941f297c00700080000c0000000000', 3, 1735689600000000, 1735689610000000, 1735689610000000, NULL, 1735689600000000, '[{"version":1,"since":{"$":"datetime","v":"2025-01-01T00:00:00+00:00"},"until":null,"reason":"it''s 100% \\ odd: \u201c\u00df\u201d\n\t\ud83d\ude00;","by":"it''s 100% \\ odd: \u201c\u00df\u201d\n\t\ud83d\ude00;","queued":"hold","resume_from":null,"missed":"policy","hold":null,"kind":"manual"}]', NULL, 1, NULL, 1, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO anysched_schedules (id, task_id, config_id, kinds, incarnation, revision, anchor, next_fire_time, due_at, wake_at, last_fire_time, pause, error, jobs_made, skipped, skipped_exact, failures, occurrences, windows, windowed_until, backfills, waiting, group_name, tags) VALUES ('it''s 100% \ odd: “ß”
	😀;', 'it''s 100% \ odd: “ß”
	😀;', '00000000000070008000500000000000', 'interval@1', '01941f297c00700080004c0000000000', 1, 1735689600000000, 1735689600000000, 1735689600000000, 1735689600000000, NULL, NULL, NULL, 0, NULL, 1, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO anysched_schedules (id, task_id, config_id, kinds, incarnation, revision, anchor, next_fire_time, due_at, wake_at, last_fire_time, pause, error, jobs_made, skipped, skipped_exact, failures, occurrences, windows, windowed_until, backfills, waiting, group_name, tags) VALUES ('monthly', 'other', '00000000000070008000380000000000', 'calendar_interval@1', '01941f297c0070008000340000000000', 1, 1735689600000000, 1735729200000000, 1735729200000000, 1735729200000000, NULL, NULL, NULL, 0, NULL, 1, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO anysched_schedules (id, task_id, config_id, kinds, incarnation, revision, anchor, next_fire_time, due_at, wake_at, last_fire_time, pause, error, jobs_made, skipped, skipped_exact, failures, occurrences, windows, windowed_until, backfills, waiting, group_name, tags) VALUES ('paused', 'task', '00000000000070008000180000000000', 'interval@1', '01941f297c0070008000140000000000', 3, 1735689600000000, 1735689620000000, 1735689620000000, NULL, 1735689600000000, '[{"version":1,"since":{"$":"datetime","v":"2025-01-01T00:00:00+00:00"},"until":null,"reason":"for good","by":null,"queued":"keep","resume_from":null,"missed":"policy","hold":null,"kind":"manual"}]', NULL, 1, NULL, 1, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO anysched_schedules (id, task_id, config_id, kinds, incarnation, revision, anchor, next_fire_time, due_at, wake_at, last_fire_time, pause, error, jobs_made, skipped, skipped_exact, failures, occurrences, windows, windowed_until, backfills, waiting, group_name, tags) VALUES ('paused for a while', 'task', '00000000000070008000200000000000', 'interval@1', '01941f297c00700080001c0000000000', 3, 1735689600000000, 1735689620000000, 1735689620000000, 1735776000000000, 1735689600000000, '[{"version":1,"since":{"$":"datetime","v":"2025-01-01T00:00:00+00:00"},"until":{"$":"datetime","v":"2025-01-02T00:00:00+00:00"},"reason":null,"by":null,"queued":"keep","resume_from":"now","missed":"skip","hold":null,"kind":"manual"}]', NULL, 1, NULL, 1, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO anysched_schedules (id, task_id, config_id, kinds, incarnation, revision, anchor, next_fire_time, due_at, wake_at, last_fire_time, pause, error, jobs_made, skipped, skipped_exact, failures, occurrences, windows, windowed_until, backfills, waiting, group_name, tags) VALUES ('waiting', 'other', '00000000000070008000280000000000', 'interval@1', '01941f297c0070008000240000000000', 2, 1735689600000000, NULL, NULL, NULL, 1735689600000000, NULL, NULL, 1, NULL, 1, 0, NULL, NULL, NULL, NULL, '{"version":1,"jobs":{"$":"tuple","v":[{"$":"uuid","v":"01941f29-7c00-7000-8000-580000000000"}]},"ended_at":null}', NULL, NULL);
INSERT INTO anysched_tasks (id, declared, declared_metadata, configured, configured_metadata) VALUES ('limited', '{"version":1,"on_abandon":"fail"}', NULL, '{"version":1,"max_running_jobs":2}', X'7b226f776e6572223a22697427732031303025205c5c206f64643a205c75323031635c75303064665c75323031645c6e5c745c75643833645c75646530303b227d');
INSERT INTO anysched_tasks (id, declared, declared_metadata, configured, configured_metadata) VALUES ('other', '{"version":1,"on_abandon":"fail"}', NULL, NULL, NULL);
INSERT INTO anysched_tasks (id, declared, declared_metadata, configured, configured_metadata) VALUES ('task', '{"version":1,"on_abandon":"fail"}', NULL, NULL, NULL);
