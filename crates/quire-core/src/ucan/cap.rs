//! Capabilities: what a token lets its holder do with which resource.

use super::MAX_NAMED;
use super::binding::Binding;
use crate::ability::{Need, PathGlob};
use crate::error::{Code, Error, Result};
use crate::id::ProjectId;
use crate::key::branch_name;
use crate::token::invalid;
use serde::Deserialize;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use std::marker::PhantomData;

/// A capability: an ability on a resource, under a caveat. Those of other services are kept, so that nobody delegates what they have not.
#[derive(Clone, PartialEq, Debug)]
pub struct Cap {
    resource: String,
    ability: String,
    /// On which condition; empty is on none.
    caveat: Map<String, Value>,
    /// What that comes to here. Of others nothing is known, so that they allow nothing.
    binding: Option<Binding>,
    /// What it is in a project of quire.
    meaning: Option<(ProjectId, What)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum What {
    ReadSpace,
    WriteSpace,
    WriteEveryDoc,
    WriteDocs(PathGlob),
    WriteBranch(String),
}

impl What {
    fn allows(&self, need: Need<'_>) -> bool {
        match (self, need) {
            (What::ReadSpace, Need::ReadDocs) | (What::WriteSpace, Need::WriteBranches) => true,
            (What::ReadSpace, _) => false,
            (_, Need::WriteSomeDoc | Need::WriteAny) => true,
            (_, Need::WriteDoc(key) | Need::SubmitDoc(key, _)) => match self {
                What::ReadSpace => false,
                What::WriteSpace | What::WriteEveryDoc => true,
                What::WriteDocs(glob) => glob.matches(&key.doc),
                What::WriteBranch(branch) => key.branch == *branch,
            },
            _ => false,
        }
    }

    fn covers(&self, weaker: &What) -> bool {
        match (self, weaker) {
            (What::ReadSpace, What::ReadSpace) | (What::WriteSpace, What::WriteSpace) => true,
            (What::ReadSpace, _) | (_, What::ReadSpace | What::WriteSpace) => false,
            (What::WriteSpace | What::WriteEveryDoc, _) => true,
            (What::WriteDocs(ours), What::WriteDocs(theirs)) => ours.covers(theirs),
            (What::WriteBranch(ours), What::WriteBranch(theirs)) => ours == theirs,
            _ => false,
        }
    }
}

impl Cap {
    /// Of which project it is, if it is of quire.
    pub fn project(&self) -> Option<ProjectId> {
        self.meaning.as_ref().map(|(project, _)| *project)
    }

    /// Whether it is bound to a submission.
    pub fn is_bound(&self) -> bool {
        self.binding.is_some_and(|binding| !binding.is_empty())
    }

    /// Whether it meets `need` in its project.
    pub fn allows(&self, need: Need<'_>) -> bool {
        self.binding.is_some_and(|binding| binding.allows(need))
            && self.meaning.as_ref().is_some_and(|(_, what)| what.allows(need))
    }

    /// Whether `weaker` certainly allows nothing that this one does not; false when in doubt.
    pub fn covers(&self, weaker: &Cap) -> bool {
        // What is under a condition stays under it.
        let keeps = self.caveat.iter().all(|(name, value)| weaker.caveat.get(name) == Some(value));
        let means = || match (&self.meaning, &weaker.meaning) {
            (Some((ours, what)), Some((theirs, weaker))) => ours == theirs && what.covers(weaker),
            _ => false,
        };
        let is_named =
            || self.resource == weaker.resource && (self.ability == weaker.ability || self.ability == "*");
        keeps && (is_named() || means())
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.ability, self.resource)?;
        if self.caveat.is_empty() { Ok(()) } else { write!(f, " {}", Value::from(self.caveat.clone())) }
    }
}

/// `cap` of a token: resources, their abilities, and the caveats of these.
#[derive(Deserialize)]
pub struct Capabilities(NamedOnce<NamedOnce<Vec<NamedOnce<Value>>>>);

impl Capabilities {
    /// One for each caveat.
    pub fn caps(self) -> Result<Vec<Cap>> {
        let mut caps = Vec::new();
        for (resource, abilities) in self.0.0 {
            for (ability, caveats) in abilities.0 {
                let ability = ability.to_ascii_lowercase();
                let caveats: Vec<Map<String, Value>> = caveats.into_iter().map(NamedOnce::into_map).collect();
                let meanings = meanings(&resource, &ability)?;
                let is_twice = |(at, caveat): (usize, &Map<String, Value>)| caveats[..at].contains(caveat);
                // An ability without any caveat would be none.
                if caveats.is_empty()
                    || caveats.len() > MAX_NAMED
                    || caveats.iter().enumerate().any(is_twice)
                    || caps.len() + caveats.len() * meanings.len() > MAX_NAMED
                {
                    return Err(invalid());
                }
                for caveat in caveats {
                    let binding = Binding::of_caveat(&caveat);
                    caps.extend(meanings.iter().map(|meaning| Cap {
                        resource: resource.clone(),
                        ability: ability.clone(),
                        caveat: caveat.clone(),
                        binding,
                        meaning: meaning.clone(),
                    }));
                }
            }
        }
        Ok(caps)
    }
}

/// What an ability on a resource comes to here: one or two things, of somebody else's nothing.
fn meanings(resource: &str, ability: &str) -> Result<Vec<Option<(ProjectId, What)>>> {
    let foreign = || Ok(vec![None]);
    let Some((scheme, rest)) = resource.split_once(':') else { return foreign() };
    let project = |text: &str| {
        // In its one form, so that who reads the text and who checks it mean the same.
        ProjectId::parse(text).filter(|project| project.to_string() == text).ok_or_else(invalid)
    };
    let in_project = || -> Result<(ProjectId, &str)> {
        let (id, name) = rest.split_once('/').ok_or_else(invalid)?;
        Ok((project(id)?, name))
    };
    let (project, what) = match scheme {
        "space" => {
            let what = match ability {
                "space/read" => vec![What::ReadSpace],
                "space/write" => vec![What::WriteSpace],
                "space/*" | "*" => vec![What::ReadSpace, What::WriteSpace],
                "doc/write" | "doc/*" => vec![What::WriteEveryDoc],
                _ => return foreign(),
            };
            (project(rest)?, what)
        }
        "doc" | "branch" if !matches!(ability, "doc/write" | "doc/*" | "*") => return foreign(),
        "doc" => {
            let (project, glob) = in_project()?;
            (project, vec![What::WriteDocs(PathGlob::parse(glob).map_err(no_glob)?)])
        }
        "branch" => {
            let (project, branch) = in_project()?;
            (project, vec![What::WriteBranch(branch_name("branch", branch).map_err(|_| invalid())?)])
        }
        _ => return foreign(),
    };
    Ok(what.into_iter().map(|what| Some((project, what))).collect())
}

/// A glob of a wrong form is as wrong as whatever else is; that there is no memory is no fault of the token.
fn no_glob(error: Error) -> Error {
    if error.code() == Code::Validation { invalid() } else { error }
}

/// The members of an object, of which none comes twice: which one counts would be anybody's guess.
pub struct NamedOnce<T>(Vec<(String, T)>);

impl<T> Default for NamedOnce<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl NamedOnce<Value> {
    /// As an object.
    pub fn into_map(self) -> Map<String, Value> {
        self.0.into_iter().collect()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for NamedOnce<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct OfObject<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfObject<T> {
            type Value = NamedOnce<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<NamedOnce<T>, A::Error> {
                let mut members: Vec<(String, T)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, T>()? {
                    if members.len() == MAX_NAMED || members.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom("too many members, or one twice"));
                    }
                    members.push((name, value));
                }
                Ok(NamedOnce(members))
            }
        }

        deserializer.deserialize_map(OfObject(PhantomData))
    }
}
