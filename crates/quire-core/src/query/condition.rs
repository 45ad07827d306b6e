//! What a condition means: whether it holds for a document.

use super::order::number_key;
use super::path::QueryPath;
use crate::error::Result;
use crate::interrupt;
use crate::schema::DocSchema;
use serde_json::{Number, Value};
use std::rc::Rc;

/// A condition on a document. It holds or it does not; there is no third answer, whatever the document has.
#[derive(Clone, PartialEq, Debug)]
pub enum DocCondition {
    /// All of them, one at least.
    All(Vec<DocCondition>),
    /// One of them, or more.
    Any(Vec<DocCondition>),
    /// Not this one.
    Not(Box<DocCondition>),
    /// Something is at the path, and passes.
    At(QueryPath, PathTest),
    /// It satisfies a schema.
    Satisfies(SchemaTest),
}

/// A schema of the project.
#[derive(Clone, Debug)]
pub struct SchemaTest {
    /// By its name.
    name: String,
    /// Once it was looked up.
    schema: Option<Rc<DocSchema>>,
}

/// The same name means the same schema.
impl PartialEq for SchemaTest {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl SchemaTest {
    /// A schema of this name, which is still to be looked up.
    pub(super) fn named(name: String) -> Self {
        Self { name, schema: None }
    }

    /// What it is not known of, or cannot be looked at, does not satisfy it.
    fn passes(&self, doc: &Value) -> bool {
        self.schema.as_ref().is_some_and(|schema| schema.is_satisfied(doc).unwrap_or(false))
    }
}

/// What is asked of the value at a path.
#[derive(Clone, PartialEq, Debug)]
pub enum PathTest {
    /// Nothing: that it is there.
    Exists,
    /// To be equal to one of these.
    OneOf(Vec<Value>),
    /// To be less or greater than a number or a text. A value of another kind is neither.
    Compares(Comparison, Value),
    /// To be a text that begins so.
    Begins(String),
    /// To contain this, as `@>` means it.
    Contains(Value),
}

/// How two values compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
}

impl DocCondition {
    /// Whether it holds.
    pub fn holds(&self, doc: &Value) -> bool {
        interrupt::tick();
        match self {
            Self::All(all) => all.iter().all(|one| one.holds(doc)),
            Self::Any(any) => any.iter().any(|one| one.holds(doc)),
            Self::Not(one) => !one.holds(doc),
            Self::At(path, test) => path.resolve(doc).is_some_and(|value| test.passes(value)),
            Self::Satisfies(test) => test.passes(doc),
        }
    }

    /// Whether it asks for a schema, of which PostgreSQL knows nothing.
    pub fn has_schema(&self) -> bool {
        match self {
            Self::All(each) | Self::Any(each) => each.iter().any(Self::has_schema),
            Self::Not(one) => one.has_schema(),
            Self::At(..) => false,
            Self::Satisfies(_) => true,
        }
    }

    /// Has each schema looked up that it asks for.
    pub fn find_schemas(&mut self, find: &mut dyn FnMut(&str) -> Result<Rc<DocSchema>>) -> Result<()> {
        match self {
            Self::All(each) | Self::Any(each) => each.iter_mut().try_for_each(|one| one.find_schemas(find)),
            Self::Not(one) => one.find_schemas(find),
            Self::At(..) => Ok(()),
            Self::Satisfies(test) => {
                test.schema = Some(find(&test.name)?);
                Ok(())
            }
        }
    }
}

impl PathTest {
    fn passes(&self, value: &Value) -> bool {
        match self {
            Self::Exists => true,
            Self::OneOf(values) => values.iter().any(|one| equals(value, one)),
            Self::Compares(comparison, bound) => comparison.is_so(value, bound),
            Self::Begins(prefix) => value.as_str().is_some_and(|text| text.starts_with(prefix.as_str())),
            Self::Contains(part) => contains(value, part),
        }
    }
}

impl Comparison {
    /// Texts are compared byte by byte.
    fn is_so(self, value: &Value, bound: &Value) -> bool {
        let order = match (value, bound) {
            (Value::Number(value), Value::Number(bound)) => number_key(value).cmp(&number_key(bound)),
            (Value::String(value), Value::String(bound)) => value.as_bytes().cmp(bound.as_bytes()),
            _ => return false,
        };
        match self {
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// Whether two values are the same, numbers by what their texts say: 1 is 1.0.
pub(super) fn equals(one: &Value, other: &Value) -> bool {
    interrupt::tick();
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => same_number(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equals(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| equals(value, other)))
        }
        (one, other) => one == other,
    }
}

fn same_number(one: &Number, other: &Number) -> bool {
    one == other || number_key(one) == number_key(other)
}

/// `value @> part` of PostgreSQL's `jsonb`: a list contains its items, too.
fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::Array(items), Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            items.iter().any(|item| equals(item, part))
        }
        (value, part) => covers(value, part),
    }
}

/// The same inside of a value, where a list contains lists only.
fn covers(value: &Value, part: &Value) -> bool {
    interrupt::tick();
    match (value, part) {
        (Value::Array(items), Value::Array(parts)) => {
            parts.iter().all(|part| items.iter().any(|item| covers(item, part)))
        }
        (Value::Object(members), Value::Object(parts)) => {
            parts.iter().all(|(key, part)| members.get(key).is_some_and(|value| covers(value, part)))
        }
        (value, part) => equals(value, part),
    }
}
