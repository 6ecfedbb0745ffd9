//! Stands in for `lifecycle::registry!`.

/// The entries of a registry, each with its settings; a comma after each.
#[macro_export]
macro_rules! registry {
    ($($tokens:tt)*) => {{
        let mut assembly = ::lifecycle::__private::assembly();
        $crate::entries!(assembly; $($tokens)*);
        assembly.finish()
    }};
}

/// One entry or setting at a time.
#[doc(hidden)]
#[macro_export]
macro_rules! entries {
    ($assembly:ident;) => {};
    ($assembly:ident; [$entry:expr]) => { let _ = $entry; };
    ($assembly:ident; deadline = $value:expr, $($rest:tt)*) => {
        $assembly.deadline($value);
        $crate::entries!($assembly; $($rest)*);
    };
    ($assembly:ident; shutdown_delay = $value:expr, $($rest:tt)*) => {
        $assembly.shutdown_delay($value);
        $crate::entries!($assembly; $($rest)*);
    };
    ($assembly:ident; $name:literal => $service:expr, $($rest:tt)*) => {
        $crate::entries!($assembly; [$assembly.service($name, $service)] $($rest)*);
    };
    ($assembly:ident; [$entry:expr] $name:literal => $service:expr, $($rest:tt)*) => {
        let _ = $entry;
        $crate::entries!($assembly; [$assembly.service($name, $service)] $($rest)*);
    };
    ($assembly:ident; [$entry:expr] after = [$($name:literal),*], $($rest:tt)*) => {
        $crate::entries!($assembly; [$entry.after(&[$($name),*])] $($rest)*);
    };
    ($assembly:ident; [$entry:expr] on_failure = ignore, $($rest:tt)*) => {
        $crate::entries!($assembly; [$entry.on_failure(::lifecycle::OnFailure::Ignore)] $($rest)*);
    };
    ($assembly:ident; [$entry:expr] on_failure = shutdown, $($rest:tt)*) => {
        $crate::entries!($assembly; [$entry.on_failure(::lifecycle::OnFailure::Shutdown)] $($rest)*);
    };
    ($assembly:ident; [$entry:expr] $setting:ident = $value:expr, $($rest:tt)*) => {
        $crate::entries!($assembly; [$entry.$setting($value)] $($rest)*);
    };
}
