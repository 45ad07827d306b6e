//! How methods, options and results are declared: once, so that a call and what is said of it are the same.

use crate::answer::{Answer, VALUE};
use crate::argument::{Argument, Parameter};
use crate::error::Result;
use postgres::GenericClient;
use postgres::types::{ToSql, Type};

/// What a method calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Function {
    /// The name of the function in schema `quire`, and of the method.
    pub name: &'static str,
    /// The arguments that a call always has.
    pub required: &'static [&'static str],
    /// The arguments that a call has only when they are given.
    pub optional: &'static [&'static str],
    /// The columns of the result that are read. None when the function returns one value.
    pub columns: &'static [&'static str],
}

/// A call whose arguments are being collected.
pub(crate) struct Call<'a> {
    function: &'static str,
    arguments: Vec<(&'static str, Parameter<'a>)>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(function: &'static str) -> Self {
        Self { function, arguments: Vec::new() }
    }

    pub(crate) fn add(&mut self, name: &'static str, argument: impl Argument<'a>) {
        self.arguments.push((name, argument.into_parameter()));
    }

    /// The statement: arguments by name, so that those which are not given have their defaults.
    fn statement(&self, has_columns: bool) -> String {
        let named = |(at, (name, parameter)): (usize, &(&str, Parameter<'_>))| {
            format!("\"{name}\" => {}${}{}", parameter.before, at + 1, parameter.after)
        };
        let arguments: Vec<String> = self.arguments.iter().enumerate().map(named).collect();
        let call = format!("quire.{}({})", self.function, arguments.join(", "));
        if has_columns { format!("SELECT * FROM {call}") } else { format!("SELECT {call} AS {VALUE}") }
    }

    /// Sends the call in one round trip; nothing stays prepared.
    pub(crate) fn send<A: Answer>(self, client: &mut impl GenericClient) -> Result<A> {
        let statement = self.statement(!A::COLUMNS.is_empty());
        let parameters: Vec<(&(dyn ToSql + Sync), Type)> = self
            .arguments
            .iter()
            .map(|(_, parameter)| (&*parameter.value as &(dyn ToSql + Sync), parameter.kind.clone()))
            .collect();
        A::from_rows(client.query_typed(&statement, &parameters)?)
    }
}

/// A struct of optional arguments.
pub(crate) trait Options<'a> {
    const NAMES: &'static [&'static str];

    fn add_to(self, call: &mut Call<'a>);
}

/// Declares structs of optional arguments: a field for each argument, with its name.
macro_rules! options {
    ($($(#[$doc:meta])* $name:ident $(<$a:lifetime>)? { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Debug, Default)]
        pub struct $name $(<$a>)? {
            $($(#[$field_doc])* pub $field: Option<$kind>,)*
        }

        impl<'call, $($a: 'call)?> crate::call::Options<'call> for $name $(<$a>)? {
            const NAMES: &'static [&'static str] = &[$(stringify!($field)),*];

            fn add_to(self, call: &mut crate::call::Call<'call>) {
                $(if let Some(value) = self.$field {
                    call.add(stringify!($field), value);
                })*
            }
        })*
    };
}

/// Declares methods: required arguments, then `; name: Type` for an optional one or `; ..Options` for more of them.
macro_rules! calls {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($($argument:ident: $kind:ty),* $(; $optional:ident: $optional_kind:ty)? $(; ..$options:ty)?) -> $answer:ty;
    )*) => {
        /// What the methods call.
        pub(crate) const FUNCTIONS: &[crate::Function] = &[$(crate::Function {
            name: stringify!($name),
            required: &[$(stringify!($argument)),*],
            optional: calls!(@names $($optional)? $($options)?),
            columns: <$answer as crate::answer::Answer>::COLUMNS,
        }),*];

        impl<C: postgres::GenericClient> crate::Quire<'_, C> {
            $($(#[$doc])*
            pub fn $name(
                &mut self,
                $($argument: $kind,)*
                $($optional: Option<$optional_kind>,)?
                $(options: $options,)?
            ) -> crate::Result<$answer> {
                #[allow(unused_mut)]
                let mut call = crate::call::Call::new(stringify!($name));
                $(call.add(stringify!($argument), $argument);)*
                $(if let Some(value) = $optional {
                    call.add(stringify!($optional), value);
                })?
                $(<$options as crate::call::Options>::add_to(options, &mut call);)?
                call.send(self.client)
            })*
        }
    };
    (@names) => { &[] };
    (@names $optional:ident) => { &[stringify!($optional)] };
    (@names $options:ty) => { <$options as crate::call::Options>::NAMES };
}

/// Declares structs of rows: a field for each column, with its name.
macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, PartialEq, Debug)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $kind,)*
        }

        impl crate::answer::FromRow for $name {
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn from_row(row: &postgres::Row) -> crate::Result<Self> {
                Ok(Self { $($field: crate::answer::FromColumn::from_column(row, stringify!($field))?,)* })
            }
        })*
    };
}

/// Lets these structs of rows be the answer of functions that return one row.
macro_rules! one_row {
    ($($name:ident),*) => {
        $(impl crate::answer::Answer for $name {
            const COLUMNS: &'static [&'static str] = <Self as crate::answer::FromRow>::COLUMNS;

            fn from_rows(rows: Vec<postgres::Row>) -> crate::Result<Self> {
                crate::answer::FromRow::from_row(&crate::answer::only(rows)?)
            }
        })*
    };
}

/// Declares structs of JSON: a field for each member, with its name. Members that are not known are passed over.
macro_rules! objects {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, PartialEq, Debug, serde::Deserialize)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $kind,)*
        }

        impl crate::answer::Answer for $name {
            fn from_rows(rows: Vec<postgres::Row>) -> crate::Result<Self> {
                crate::answer::object(rows)
            }
        })*
    };
}

pub(crate) use {calls, objects, one_row, options, rows};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argument::Relation;
    use std::time::Duration;

    #[test]
    fn only_arguments_that_are_given_are_sent() {
        let mut call = Call::new("f");
        assert_eq!(call.statement(false), "SELECT quire.f() AS value");
        call.add("offset", 1i64);
        call.add("lease", Duration::from_millis(1500));
        call.add("source", Relation("t"));
        let arguments = "\"offset\" => $1, \"lease\" => pg_catalog.make_interval(secs => $2), \"source\" => $3::pg_catalog.regclass";
        assert_eq!(call.statement(true), format!("SELECT * FROM quire.f({arguments})"));
    }
}
