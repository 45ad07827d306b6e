//! What pgrx wants to know of our own types of arguments and results.

/// The SQL type of a Rust type.
macro_rules! sql_type {
    ($rust:ident, $sql:literal) => {
        const _: () = {
            use pgrx::pgrx_sql_entity_graph::metadata::{
                ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
            };

            // SAFETY: the type is made from, or becomes, a datum of this SQL type.
            unsafe impl SqlTranslatable for $rust {
                const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!($rust);
                const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
                const ARGUMENT_SQL: std::result::Result<SqlMappingRef, ArgumentError> =
                    Ok(SqlMappingRef::literal($sql));
                const RETURN_SQL: std::result::Result<ReturnsRef, ReturnsError> =
                    Ok(ReturnsRef::One(SqlMappingRef::literal($sql)));
            }
        };
    };
}
pub(crate) use sql_type;

/// A result that its own `into_datum` puts into the caller's memory.
macro_rules! result_type {
    ($rust:ident, $sql:literal) => {
        // SAFETY: into_datum makes a datum of this SQL type in the current memory context.
        unsafe impl pgrx::callconv::BoxRet for $rust {
            unsafe fn box_into<'fcx>(
                self,
                fcinfo: &mut pgrx::callconv::FcInfo<'fcx>,
            ) -> pgrx::datum::Datum<'fcx> {
                match pgrx::datum::IntoDatum::into_datum(self) {
                    // SAFETY: as above.
                    Some(datum) => unsafe { fcinfo.return_raw_datum(datum) },
                    None => fcinfo.return_null(),
                }
            }
        }

        $crate::args::sql_type!($rust, $sql);
    };
}
pub(crate) use result_type;

/// An argument that is kept as it came, in a struct of its datum, until it is asked for.
macro_rules! lazy_arg {
    ($rust:ident, $sql:literal) => {
        impl pgrx::datum::FromDatum for $rust {
            unsafe fn from_polymorphic_datum(
                datum: pgrx::pg_sys::Datum,
                is_null: bool,
                _: pgrx::pg_sys::Oid,
            ) -> Option<Self> {
                (!is_null).then_some($rust(datum))
            }
        }

        // SAFETY: from_polymorphic_datum takes any datum and looks at none.
        unsafe impl<'fcx> pgrx::callconv::ArgAbi<'fcx> for $rust {
            unsafe fn unbox_arg_unchecked(arg: pgrx::callconv::Arg<'_, 'fcx>) -> Self {
                // SAFETY: passed on; NULL is handled by unbox_nullable_arg, and a STRICT function gets none.
                unsafe { arg.unbox_arg_using_from_datum() }
                    .expect("the argument of a strict function is not null")
            }

            unsafe fn unbox_nullable_arg(
                arg: pgrx::callconv::Arg<'_, 'fcx>,
            ) -> pgrx::nullable::Nullable<Self> {
                // SAFETY: passed on.
                unsafe { arg.unbox_arg_using_from_datum().into() }
            }
        }

        $crate::args::sql_type!($rust, $sql);
    };
}
pub(crate) use lazy_arg;
