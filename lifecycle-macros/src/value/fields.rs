//! The struct that a value speaks of: its name and the names of its fields.

use proc_macro2::Ident;
use syn::Path;

pub(crate) struct Fields {
    /// The name of the struct.
    pub(crate) of: Ident,
    /// `None` for a tuple struct, and where the fields can't be parsed.
    pub(crate) names: Option<Vec<Ident>>,
}

impl Fields {
    /// The field that a path names without `self`, as if it was a variable.
    pub(crate) fn find(&self, path: &Path) -> Option<&Ident> {
        let mut names = self.names.iter().flatten();
        names.find(|field| path.is_ident(*field))
    }
}
