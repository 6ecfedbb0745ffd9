//! The sources of a crate, parsed: every item with the module that it stands in, and what `lib.rs` exports.

use std::fs;
use std::path::Path;

use syn::{Attribute, Item, UseTree, Visibility};

/// An item and its module, as `["report", "status"]`.
pub(crate) struct Placed {
    pub(crate) module: Vec<String>,
    pub(crate) item: Item,
}

/// A name that a `pub use` or a `pub mod` makes public.
pub(crate) struct Export {
    /// What users write after the crate's name.
    pub(crate) public: String,
    /// Where it comes from, within the crate.
    pub(crate) path: Vec<String>,
    /// `#[cfg(..)]` on the export.
    pub(crate) cfgs: Vec<Attribute>,
}

pub(crate) struct CrateFiles {
    pub(crate) items: Vec<Placed>,
    pub(crate) exports: Vec<Export>,
}

impl CrateFiles {
    pub(crate) fn read(source: &Path) -> Self {
        let mut items = Vec::new();
        read_folder(source, &[], &mut items);
        // A module that `#[cfg(test)]` leaves out has its file all the same.
        let tests: Vec<Vec<String>> = items.iter().filter_map(test_module).collect();
        items.retain(|placed| !tests.iter().any(|test| placed.module.starts_with(test)));
        let mut exports = Vec::new();
        collect_exports(&items, &[], "", &[], &mut exports);
        exports.sort_by(|a, b| a.public.cmp(&b.public));
        Self { items, exports }
    }

    /// The definition that a path leads to, through any re-exports in between.
    pub(crate) fn definition(&self, path: &[String]) -> Option<&Placed> {
        let (name, module) = path.split_last()?;
        let is_there = |placed: &&Placed| placed.module == module && defines(&placed.item, name);
        if let Some(found) = self.items.iter().find(is_there) {
            return Some(found);
        }
        let uses = self.items.iter().filter(|placed| placed.module == module);
        let trees = uses.filter_map(|placed| match &placed.item {
            Item::Use(item) => Some(&item.tree),
            _ => None,
        });
        let mut targets = trees.flat_map(|tree| flatten(tree, module));
        // A path that leads to itself is one of another crate.
        let (_, target) = targets.find(|(public, target)| public == name && target != path)?;
        self.definition(&target)
    }

    /// Whether this names a type of the crate that users can't name.
    pub(crate) fn is_private(&self, name: &str) -> bool {
        let is_type = |item: &Item| matches!(item, Item::Struct(_) | Item::Enum(_) | Item::Type(_));
        let is_it = |placed: &Placed| is_type(&placed.item) && defines(&placed.item, name);
        let is_export = |export: &Export| export.path.last().is_some_and(|last| last == name);
        self.items.iter().any(is_it) && !self.exports.iter().any(is_export)
    }

    pub(crate) fn is_ambiguous(&self, name: &str) -> bool {
        let named = self
            .items
            .iter()
            .filter(|placed| defines(&placed.item, name));
        named.count() > 1
    }
}

/// What `lib.rs` exports, and what its public modules do.
fn collect_exports(
    items: &[Placed],
    module: &[String],
    prefix: &str,
    cfgs: &[Attribute],
    exports: &mut Vec<Export>,
) {
    for placed in items.iter().filter(|placed| placed.module == module) {
        let (vis, attrs) = match &placed.item {
            Item::Use(item) => (&item.vis, &item.attrs),
            Item::Mod(item) => (&item.vis, &item.attrs),
            other => match (name_of(other), visibility(other)) {
                (Some(name), Some(Visibility::Public(_))) => {
                    let path = module.iter().cloned().chain([name.clone()]).collect();
                    let (public, cfgs) = (format!("{prefix}{name}"), cfgs.to_vec());
                    exports.push(Export { public, path, cfgs });
                    continue;
                }
                _ => continue,
            },
        };
        if !matches!(vis, Visibility::Public(_)) || is_hidden(attrs) {
            continue;
        }
        let cfgs: Vec<Attribute> = [cfgs, &cfgs_of(attrs)].concat();
        match &placed.item {
            Item::Use(item) => {
                for (public, path) in flatten(&item.tree, module) {
                    let public = format!("{prefix}{public}");
                    exports.push(Export {
                        public,
                        path,
                        cfgs: cfgs.clone(),
                    });
                }
            }
            Item::Mod(item) => {
                let inner = [module, &[item.ident.to_string()]].concat();
                let prefix = format!("{prefix}{}::", item.ident);
                collect_exports(items, &inner, &prefix, &cfgs, exports);
            }
            _ => {}
        }
    }
}

/// Each name that the tree brings in, with the path it comes from: from the crate's root, or from another crate.
fn flatten(tree: &UseTree, module: &[String]) -> Vec<(String, Vec<String>)> {
    fn walk(tree: &UseTree, path: &[String], found: &mut Vec<(String, Vec<String>)>) {
        let with = |name: &syn::Ident| [path, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(inner) => walk(&inner.tree, &with(&inner.ident), found),
            UseTree::Name(name) => found.push((name.ident.to_string(), with(&name.ident))),
            UseTree::Rename(name) => found.push((name.rename.to_string(), with(&name.ident))),
            UseTree::Group(group) => {
                for tree in &group.items {
                    walk(tree, path, found);
                }
            }
            UseTree::Glob(_) => panic!("a glob exports what nobody has looked at"),
        }
    }
    let mut found = Vec::new();
    // A glob is allowed in what is not exported, where nothing of it is looked for.
    if !has_glob(tree) {
        walk(tree, &[], &mut found);
    }
    for (_, path) in &mut found {
        match path[0].as_str() {
            "crate" => drop(path.remove(0)),
            "self" => drop(path.splice(0..1, module.iter().cloned())),
            "super" => drop(path.splice(0..1, module[..module.len() - 1].iter().cloned())),
            _ => {}
        }
    }
    found
}

fn has_glob(tree: &UseTree) -> bool {
    match tree {
        UseTree::Path(inner) => has_glob(&inner.tree),
        UseTree::Group(group) => group.items.iter().any(has_glob),
        UseTree::Glob(_) => true,
        UseTree::Name(_) | UseTree::Rename(_) => false,
    }
}

fn read_folder(folder: &Path, module: &[String], items: &mut Vec<Placed>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name == "tests" || name == "private" {
            continue;
        }
        let is_root = ["lib", "mod"].contains(&name.as_str());
        let inner = if is_root {
            module.to_vec()
        } else {
            [module, &[name]].concat()
        };
        if path.is_dir() {
            read_folder(&path, &inner, items);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
            place(file.items, &inner, items);
        }
    }
}

fn place(found: Vec<Item>, module: &[String], items: &mut Vec<Placed>) {
    for item in found {
        match item {
            Item::Mod(mut item) => {
                let inner = [module, &[item.ident.to_string()]].concat();
                if let Some((_, content)) = item.content.take() {
                    place(content, &inner, items);
                }
                let (module, item) = (module.to_vec(), Item::Mod(item));
                items.push(Placed { module, item });
            }
            item => items.push(Placed {
                module: module.to_vec(),
                item,
            }),
        }
    }
}

fn test_module(placed: &Placed) -> Option<Vec<String>> {
    let Item::Mod(item) = &placed.item else {
        return None;
    };
    let is_test = |attribute: &Attribute| {
        attribute.path().is_ident("cfg") && words(attribute).iter().any(|word| word == "test")
    };
    let path = || [&placed.module[..], &[item.ident.to_string()]].concat();
    item.attrs.iter().any(is_test).then(path)
}

fn words(attribute: &Attribute) -> Vec<String> {
    let list = attribute.meta.require_list();
    let tokens = list.map(|list| list.tokens.to_string()).unwrap_or_default();
    let word = |c: char| !c.is_alphanumeric() && c != '_';
    tokens.split(word).map(str::to_owned).collect()
}

pub(crate) fn cfgs_of(attributes: &[Attribute]) -> Vec<Attribute> {
    let cfgs = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"));
    cfgs.cloned().collect()
}

pub(crate) fn is_hidden(attributes: &[Attribute]) -> bool {
    let mut docs = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"));
    docs.any(|attribute| words(attribute).iter().any(|word| word == "hidden"))
}

fn defines(item: &Item, name: &str) -> bool {
    !matches!(item, Item::Mod(_) | Item::Use(_) | Item::Impl(_))
        && name_of(item).is_some_and(|found| found == name)
}

/// The name that an item defines. An enum of words is written by a macro: `worded! { State { New = "new", .. } }`.
pub(crate) fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Macro(item) if item.mac.path.is_ident("worded") => {
            return item
                .mac
                .tokens
                .clone()
                .into_iter()
                .find_map(|token| match token {
                    proc_macro2::TokenTree::Ident(ident) => Some(ident.to_string()),
                    _ => None,
                });
        }
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(ident.to_string())
}

fn visibility(item: &Item) -> Option<&Visibility> {
    match item {
        Item::Const(item) => Some(&item.vis),
        Item::Enum(item) => Some(&item.vis),
        Item::Fn(item) => Some(&item.vis),
        Item::Struct(item) => Some(&item.vis),
        Item::Trait(item) => Some(&item.vis),
        Item::Type(item) => Some(&item.vis),
        _ => None,
    }
}
