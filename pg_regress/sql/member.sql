-- Members: roles, the last owner, leaving.
SELECT quire.create_project('team', t.id(200)) IS NOT NULL AS created;
SELECT quire.set_project_member(t.id(200), t.actor('alice'), 'editor');
SELECT quire.set_project_member(t.id(200), t.actor('bob'), 'viewer');
SELECT display_name, role FROM quire.list_project_members(t.id(200)) WHERE role <> 'owner';
SELECT quire.set_project_member(t.id(200), t.actor('bob'), 'editor');
SELECT display_name, role FROM quire.list_project_members(t.id(200)) WHERE role <> 'owner' ORDER BY display_name;

SELECT t.error($$SELECT quire.set_project_member(t.id(200), NULL, 'viewer')$$);
SELECT t.error($$SELECT quire.set_project_member(t.id(200), t.actor('bob'), NULL)$$);
SELECT t.error($$SELECT quire.set_project_member(t.id(200), t.actor('bob'), 'admin')$$);
SELECT t.error($$SELECT quire.set_project_member(t.id(200), '00000000-0000-0000-0000-000000000000', 'owner')$$);
SELECT t.error($$SELECT quire.set_project_member(NULL, t.actor('bob'), 'viewer')$$);
SELECT t.error($$SELECT quire.set_project_member(t.id(999999), t.actor('bob'), 'viewer')$$);
SELECT t.error($$SELECT quire.delete_project_member(t.id(200), t.actor('carol'))$$);
SELECT t.error($$SELECT quire.delete_project_member(t.id(200), NULL)$$);
SELECT t.error($$SELECT * FROM quire.list_project_members(NULL)$$);

-- A project always keeps an owner. Alice takes over and tries to leave it without one.
SELECT quire.set_project_member(t.id(200), t.actor('alice'), 'owner') ->> 'role' AS role;
\c - regress_alice
SELECT count(*) AS owners FROM quire.list_project_members(t.id(200)) WHERE role = 'owner';
SELECT quire.delete_project_member(t.id(200), member)
FROM quire.list_project_members(t.id(200)) WHERE role = 'owner' AND member <> t.actor('alice');
SELECT t.error($$SELECT quire.delete_project_member(t.id(200), t.actor('alice'))$$);
SELECT t.error($$SELECT quire.set_project_member(t.id(200), t.actor('alice'), 'viewer')$$);
SELECT quire.set_project_member(t.id(200), t.actor('bob'), 'owner') ->> 'role' AS role;
SELECT quire.delete_project_member(t.id(200), t.actor('alice'));
SELECT t.error($$SELECT quire.get_project(t.id(200))$$);

-- Anybody may leave; an editor may remove nobody else.
\c - regress_bob
SELECT quire.set_project_member(t.id(200), t.actor('alice'), 'editor') ->> 'role' AS role;
SELECT quire.set_project_member(t.id(200), t.actor('carol'), 'viewer') ->> 'role' AS role;
\c - regress_alice
SELECT t.error($$SELECT quire.delete_project_member(t.id(200), t.actor('carol'))$$);
SELECT quire.delete_project_member(t.id(200), t.actor('alice'));
SELECT t.error($$SELECT quire.get_project(t.id(200))$$);
