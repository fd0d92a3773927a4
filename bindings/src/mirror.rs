//! Enums without data that stand for those of the facade.
//! **Invariant:** a variant that the facade adds and this crate does not know becomes `Other`, never a failure.
//! It does not cover enums with data: those are written out.

/// An enum and its conversion from the facade's.
macro_rules! mirror {
    ($(#[$meta:meta])* $name:ident = $facade:path { $($(#[$doc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
            /// One that this version of the bindings has no name for.
            Other,
        }

        impl From<$facade> for $name {
            fn from(facade: $facade) -> Self {
                match facade {
                    $(<$facade>::$variant => Self::$variant,)+
                    _ => Self::Other,
                }
            }
        }
    };
}
