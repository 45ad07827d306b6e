//! People and the roles that they have in the database.

use crate::call::{calls, objects, options, rows};
use quire_core::id::ActorId;
use std::time::SystemTime;

options! {
    /// Optional arguments of [`map_role_to_actor`](crate::Quire::map_role_to_actor).
    MapRoleOptions<'a> {
        /// The actor. By default it is the one that the role acts as already, or a new one.
        actor: ActorId,
        /// What the person is called. By default the name stays as it is.
        display_name: &'a str,
    }
}

rows! {
    /// Somebody who is registered.
    Actor {
        /// The id of the actor.
        actor: ActorId,
        /// What the person is called.
        display_name: Option<String>,
        /// The role that acts as the actor, under its current name. None when there is none, or when the role was
        /// dropped.
        db_role: Option<String>,
        /// When the actor was registered.
        created_at: SystemTime,
    }
}

objects! {
    /// Who the caller is to quire.
    Caller {
        /// The actor, if the caller is one.
        actor_id: Option<ActorId>,
        /// What the caller is called.
        display_name: Option<String>,
        /// How the caller is known: token, jwt, db_role, system or anonymous.
        via: String,
        /// The role of the database.
        db_role: String,
        /// Whether the caller passes every gate as an administrator.
        is_admin: bool,
    }
}

calls! {
    /// Lists everybody who was ever registered, in the order in which they were registered.
    fn list_actors() -> Vec<Actor>;

    /// Makes a database role act as an actor. A role has one actor and an actor has one role; a NOTICE says whose mapping
    /// this call takes away. The role stays that actor when it is renamed.
    fn map_role_to_actor(db_role: &str; ..MapRoleOptions<'_>) -> ActorId;

    /// Sets what a person is called, also in what they did before. Claims of a JWT and names from peers do not replace
    /// this name.
    fn set_display_name(name: &str; actor: ActorId) -> ();

    /// Takes the actor away from a role. The role is nobody afterwards; the actor keeps name, projects and history. The
    /// role need not exist any more.
    fn unmap_role(db_role: &str) -> ActorId;

    /// Says who the caller is to quire.
    fn whoami() -> Caller;
}
