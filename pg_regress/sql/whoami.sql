-- Who is calling.
\c - regress_alice
SELECT quire.whoami();
\c - regress_nobody
SELECT quire.whoami();
SELECT t.error($$SELECT quire.create_project('x')$$);
-- Claims that an ordinary session sets for itself are not believed.
SET request.jwt.claims = '{"sub": "00000000-0000-0000-0000-000000000002"}';
SET request.jwt.claim.sub = '00000000-0000-0000-0000-000000000002';
SELECT quire.whoami();
SELECT t.error($$SET quire.trusted_authenticators = 'regress_nobody'$$);
SELECT t.error($$SELECT quire.map_role_to_actor('regress_nobody', t.actor('alice'))$$);
\c - postgres
SELECT quire.whoami();
SELECT t.error($$SELECT quire.map_role_to_actor('regress_no_such_role', t.actor('alice'))$$);
SELECT t.error($$SELECT quire.map_role_to_actor(NULL, t.actor('alice'))$$);
SELECT t.error($$SELECT quire.map_role_to_actor('regress_nobody', '00000000-0000-0000-0000-000000000000')$$);
-- SET ROLE counts, the session's own rights do not.
SET ROLE regress_bob;
SELECT quire.whoami();
RESET ROLE;
-- A role is one actor and an actor one role.
BEGIN;
SELECT quire.map_role_to_actor('regress_nobody', t.actor('alice'), 'renamed') = t.actor('alice') AS mapped;
SET LOCAL ROLE regress_nobody;
SELECT quire.whoami();
SET LOCAL ROLE regress_alice;
SELECT quire.whoami();
ROLLBACK;
-- A login role that may vouch for others.
SET quire.trusted_authenticators = 'somebody, postgres';
SET request.jwt.claims = '{"sub": "00000000-0000-0000-0000-000000000003", "role": "authenticated"}';
SET ROLE regress_nobody;
SELECT quire.whoami();
SET request.jwt.claims = '';
SET request.jwt.claim.sub = '00000000-0000-0000-0000-0000000000ff';
SELECT quire.whoami();
-- the older setting counts only where there is no newer one: who resets that need not know of it
SET request.jwt.claims = '{"role": "anon"}';
SELECT quire.whoami();
SET request.jwt.claims = '';
SET request.jwt.claim.sub = '';
SELECT quire.whoami();
SET request.jwt.claims = '{"sub": "not a uuid"}';
SELECT t.error($$SELECT quire.whoami()$$);
SET request.jwt.claims = '{"sub": "00000000-0000-0000-0000-000000000000"}';
SELECT t.error($$SELECT quire.whoami()$$);
SET request.jwt.claims = '{broken';
SELECT t.error($$SELECT quire.whoami()$$);
