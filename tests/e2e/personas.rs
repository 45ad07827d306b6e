//! Somebody who asks for a project, and what is to become of what they ask for.

use crate::calls::{Names, Needs};
use crate::tenants::Tenant;

/// The group role somebody has the rights of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Nothing,
    Guest,
    User,
    Admin,
}

/// Who somebody is without a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Their claims cannot be understood.
    Garbled,
    Nobody,
    Somebody(Role),
}

/// What somebody is in the project, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Stranger,
    Viewer,
    Editor,
    /// An editor, who made what there is.
    Maker,
    Owner,
    Admin,
}

/// What a token is worth that somebody has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// These abilities.
    Valid(&'static [&'static str]),
    /// It is accepted, and allows nothing in the project.
    Elsewhere,
    /// It is refused like any text.
    Invalid,
    /// It was valid once.
    Over,
}

/// Somebody.
pub struct Persona {
    /// What they are called where something is wrong.
    pub name: &'static str,
    /// The role they log in as.
    pub login: String,
    /// What each of their transactions begins with.
    pub before: Vec<String>,
    /// What the calls name.
    pub names: Names,
    group: Group,
    who_they_are: Who,
    worth: Worth,
    presents: bool,
    is_public: bool,
}

/// What is to become of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is done.
    Done,
    /// It is refused with one of these SQLSTATEs.
    Refused(&'static [&'static str]),
    /// The project is not there, as far as they are told.
    Hidden,
    /// It matters to nobody.
    Either,
}

const NOT_ALLOWED: Verdict = Verdict::Refused(&["42501"]);

impl Persona {
    /// Somebody without a token.
    pub fn of(tenant: &Tenant, name: &'static str, login: &str, group: Group, who_they_are: Who) -> Self {
        let persona = Persona {
            name,
            login: login.to_owned(),
            before: Vec::new(),
            names: tenant.names.clone(),
            group,
            who_they_are,
            worth: Worth::Invalid,
            presents: false,
            is_public: false,
        };
        let is_owner = matches!(who_they_are, Who::Somebody(role) if role >= Role::Owner);
        let called =
            if is_owner { format!("{} project", tenant.word.as_str()) } else { "a guess".to_owned() };
        persona
            .with("into", tenant.project)
            .with("own", tenant.project)
            .with("member", tenant.actor("viewer"))
            .with("role", tenant.role("viewer"))
            .with("name", called)
            .holding("quire1.x", Worth::Invalid)
    }

    /// What is to become of a call that needs something, of a function that needs at least something.
    pub fn verdict(&self, least: Needs, needs: Needs) -> Verdict {
        if self.group < group_for(least) {
            return NOT_ALLOWED;
        }
        match needs {
            Needs::Value => return Verdict::Done,
            Needs::Text => return self.presenting(),
            Needs::Form if matches!(self.worth, Worth::Valid(_) | Worth::Elsewhere) => return Verdict::Done,
            Needs::Form => return Verdict::Either,
            Needs::Link => {
                return match self.worth {
                    Worth::Valid([one]) if one.starts_with("snapshot:read:") => Verdict::Done,
                    Worth::Valid(_) | Worth::Elsewhere => NOT_ALLOWED,
                    Worth::Invalid | Worth::Over => self.presenting(),
                };
            }
            _ => {}
        }
        match (self.bound(), self.who_they_are) {
            (Some(worth), _) => with_token(worth, needs),
            // A guest has nothing of their own.
            (None, _) if self.group == Group::Guest => NOT_ALLOWED,
            (None, Who::Garbled) => NOT_ALLOWED,
            (None, Who::Nobody) => with_role(None, needs, self.is_public),
            (None, Who::Somebody(role)) => with_role(Some(role), needs, self.is_public),
        }
    }

    /// What is to become of presenting the token they have.
    pub fn presenting(&self) -> Verdict {
        match self.worth {
            _ if self.group == Group::Nothing => NOT_ALLOWED,
            Worth::Valid(_) | Worth::Elsewhere => Verdict::Done,
            Worth::Invalid => NOT_ALLOWED,
            Worth::Over => Verdict::Refused(&["PT410"]),
        }
    }

    /// The token that each of their transactions presents.
    pub fn presented(&self) -> Option<&str> {
        self.presents.then(|| self.names.get("text"))
    }

    /// Whether they have the rights of a token, and no others.
    pub fn is_bound(&self) -> bool {
        self.bound().is_some()
    }

    /// What counts in place of themselves.
    fn bound(&self) -> Option<Worth> {
        Some(self.worth).filter(|_| self.presents && self.presenting() == Verdict::Done)
    }

    /// Whether they may be told what is in the project, by the calls that are done for them.
    pub fn reads(&self) -> bool {
        match (self.bound(), self.who_they_are) {
            (Some(Worth::Valid(abilities)), _) => abilities.iter().any(|ability| ability.contains(":read")),
            (None, Who::Somebody(role)) => role >= self.least_reader() && self.group >= Group::User,
            (None, Who::Nobody) => self.is_public && self.group >= Group::User,
            _ => false,
        }
    }

    fn least_reader(&self) -> Role {
        if self.is_public { Role::Stranger } else { Role::Viewer }
    }

    /// Whether views show them the project.
    pub fn reads_views(&self) -> bool {
        self.group >= Group::User && self.verdict(Needs::Read, Needs::Read) == Verdict::Done
    }

    /// Whether they may be told everything.
    pub fn is_admin(&self) -> bool {
        self.bound().is_none() && self.who_they_are == Who::Somebody(Role::Admin)
    }

    /// Whether they can have a project of their own.
    pub fn can_own(&self) -> bool {
        self.verdict(Needs::Actor, Needs::Actor) == Verdict::Done
    }

    /// The same, when the project is public.
    pub fn facing_public(self) -> Self {
        Self { is_public: true, ..self }
    }

    /// With something else that a name stands for.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.names = Names::of(vec![(name, value.to_string())]).before(&self.names);
        self
    }

    pub fn beginning(mut self, statement: impl Into<String>) -> Self {
        self.before.push(statement.into());
        self
    }

    /// With a token in their hands.
    pub fn holding(self, text: &str, worth: Worth) -> Self {
        let ability = match worth {
            Worth::Valid(abilities) => self.names.fill(abilities[0]),
            _ => "project:read".to_owned(),
        };
        Self { worth, ..self }.with("text", text).with("link", text).with("ability", ability)
    }

    /// With a token that they present in each transaction.
    pub fn presenting_it(self, text: &str, worth: Worth) -> Self {
        Self { presents: true, ..self.holding(text, worth) }
    }
}

/// Who may call it at all.
fn group_for(needs: Needs) -> Group {
    match needs {
        Needs::Nothing | Needs::Text | Needs::Form | Needs::Link => Group::Guest,
        Needs::Bring => Group::User,
        Needs::Admin => Group::Admin,
        needs if !abilities_for(needs).is_empty() => Group::Guest,
        _ => Group::User,
    }
}

/// What a token must allow, all of it; nothing is beyond every token.
fn abilities_for(needs: Needs) -> &'static [&'static str] {
    match needs {
        Needs::Read => &["project:read"],
        Needs::Follow => &["events:read"],
        Needs::Snapshot => &["snapshot:read:{snapshot}"],
        Needs::Snapshots => &["snapshot:read"],
        Needs::ReadDocs => &["doc:read"],
        Needs::Write | Needs::WriteAny | Needs::Bring => &["file:write"],
        Needs::ReadWrite => &["file:write", "project:read"],
        Needs::WriteDocs => &["doc:write"],
        Needs::ReadWriteDocs => &["doc:read", "doc:write"],
        _ => &[],
    }
}

fn with_token(worth: Worth, needs: Needs) -> Verdict {
    let has = |abilities: &[&str], wanted: &str| {
        abilities.contains(&wanted)
            || wanted.starts_with("snapshot:read:") && abilities.contains(&"snapshot:read")
            || wanted == "doc:read" && abilities.contains(&"project:read")
    };
    let wanted = abilities_for(needs);
    match worth {
        _ if needs == Needs::Nothing => Verdict::Done,
        _ if matches!(needs, Needs::OwnRights | Needs::Actor | Needs::Admin) => NOT_ALLOWED,
        Worth::Elsewhere => Verdict::Hidden,
        // A template is a project of its own.
        _ if needs == Needs::Copy => Verdict::Refused(&["42501", "PT404"]),
        Worth::Valid(abilities)
            if !wanted.is_empty() && wanted.iter().all(|wanted| has(abilities, wanted)) =>
        {
            Verdict::Done
        }
        _ => NOT_ALLOWED,
    }
}

/// `None` is nobody.
fn with_role(role: Option<Role>, needs: Needs, is_public: bool) -> Verdict {
    let least = match needs {
        Needs::Nothing | Needs::Value | Needs::OwnRights => return Verdict::Done,
        Needs::Text | Needs::Form | Needs::Link => return Verdict::Done,
        Needs::Actor if role.is_some() => return Verdict::Done,
        Needs::Actor => return NOT_ALLOWED,
        Needs::Copy if is_public && role.is_some() => Role::Stranger,
        Needs::Read | Needs::ReadDocs | Needs::Follow if is_public => return Verdict::Done,
        Needs::Snapshot | Needs::Snapshots | Needs::Look if is_public => return Verdict::Done,
        Needs::Read | Needs::ReadDocs | Needs::Follow => Role::Viewer,
        Needs::Snapshot | Needs::Snapshots | Needs::Look => Role::Viewer,
        Needs::Copy | Needs::Belong => Role::Viewer,
        Needs::Write | Needs::WriteAny | Needs::Bring | Needs::ReadWrite => Role::Editor,
        Needs::WriteDocs | Needs::ReadWriteDocs | Needs::Change => Role::Editor,
        Needs::Made => Role::Maker,
        Needs::Manage => Role::Owner,
        Needs::Admin => Role::Admin,
    };
    match role {
        None | Some(Role::Stranger) if !is_public => Verdict::Hidden,
        Some(role) if role >= least => Verdict::Done,
        // A thing that somebody else made may not be there, either.
        _ if needs == Needs::Made => Verdict::Refused(&["42501", "PT404"]),
        _ => NOT_ALLOWED,
    }
}
