-- One save of about 4 KB. The same as upsert_quire.sql, but for the function.
\if :random
\set project random(0, :projects - 1)
\else
\set project :client_id % :projects
\endif
\set dir random(0, 39)
\set file random(1, :files_per_dir)
\set edit random(1, 1000000000000000)
SELECT baseline.upsert_project_file(md5(:project::text)::uuid, 'src/' || :dir::text || '/file_' || :file::text || '.ts', '// edit ' || :edit::text || chr(10) || :body::text);
