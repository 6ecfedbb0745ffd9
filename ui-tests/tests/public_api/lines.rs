//! One line for each public item: its path, and its signature as one would write it.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Fields, File, ImplItem, Item, ItemImpl, Signature, TraitItem, Type, Visibility,
    parse_quote,
};

use crate::crate_files::{CrateFiles, Export, Placed, cfgs_of, is_hidden, name_of};

/// Attributes that are a part of the interface.
const SHOWN: [&str; 4] = ["cfg", "derive", "non_exhaustive", "must_use"];

/// All lines, sorted; a line begins with the path of its item.
pub(crate) fn of(files: &CrateFiles) -> Vec<String> {
    let mut lines = Lines::default();
    let (mut own, mut foreign) = (BTreeSet::new(), BTreeSet::new());
    for export in &files.exports {
        match files.definition(&export.path) {
            Some(placed) => {
                own.extend(name_of(&placed.item));
                lines.item(export, placed);
                lines.impls(export, placed, files);
            }
            None => drop(foreign.insert(export.public.clone())),
        }
    }
    lines.macros(files);
    for name in foreign {
        lines.push(&name, "", "of another crate");
    }
    let mut lines: Vec<String> = lines.0.into_iter().collect();
    lines.sort_by(|a, b| natural(a).cmp(&natural(b)));
    lines
}

/// Sorted by path first, so that what belongs together stands together.
fn natural(line: &str) -> (&str, &str) {
    line.split_once(": ").unwrap_or((line, ""))
}

#[derive(Default)]
struct Lines(BTreeSet<String>);

impl Lines {
    fn push(&mut self, path: &str, cfgs: &str, text: &str) {
        self.0.insert(format!("{path}: {cfgs}{text}"));
    }

    fn item(&mut self, export: &Export, placed: &Placed) {
        let (path, cfgs) = (export.public.as_str(), shown(&export.cfgs));
        match &placed.item {
            Item::Struct(item) => {
                let mut head = item.clone();
                head.attrs = kept(&head.attrs);
                head.fields = Fields::Unit;
                head.semi_token = Some(parse_quote!(;));
                self.push(path, &cfgs, &unparse(Item::Struct(head)));
                for (index, field) in item.fields.iter().enumerate() {
                    if matches!(field.vis, Visibility::Public(_)) {
                        let name = field
                            .ident
                            .as_ref()
                            .map_or(index.to_string(), ToString::to_string);
                        let ty = unparse_type(&field.ty);
                        self.push(
                            &format!("{path}.{name}"),
                            &shown(&cfgs_of(&field.attrs)),
                            &ty,
                        );
                    }
                }
            }
            Item::Enum(item) => {
                let mut head = item.clone();
                head.attrs = kept(&head.attrs);
                head.variants.clear();
                self.push(path, &cfgs, &unparse(Item::Enum(head)));
                for variant in &item.variants {
                    let mut variant = variant.clone();
                    variant.attrs = kept(&variant.attrs);
                    variant
                        .fields
                        .iter_mut()
                        .for_each(|field| field.attrs.clear());
                    let name = format!("{path}::{}", variant.ident);
                    let text = unparse(parse_quote!(enum E { #variant }));
                    let text = text
                        .trim_start_matches("enum E {")
                        .trim_end_matches('}')
                        .trim();
                    self.push(&name, "", text.trim_end_matches(','));
                }
            }
            Item::Trait(item) => {
                let mut head = item.clone();
                head.attrs = kept(&head.attrs);
                head.items.clear();
                self.push(path, &cfgs, &unparse(Item::Trait(head)));
                for item in &item.items {
                    self.trait_item(path, item);
                }
            }
            Item::Fn(item) => self.push(path, &cfgs, &signature(&item.attrs, &item.vis, &item.sig)),
            Item::Macro(item) => self.words(path, item.mac.tokens.clone()),
            // The value is for the documentation to tell.
            Item::Const(item) => {
                let ty = unparse_type(&item.ty);
                self.push(path, &cfgs, &format!("pub const {}: {ty}", item.ident));
            }
            Item::Type(item) => {
                let mut item = item.clone();
                item.attrs = kept(&item.attrs);
                self.push(path, &cfgs, &unparse(Item::Type(item)));
            }
            other => self.push(path, &cfgs, &unparse(other.clone())),
        }
    }

    fn trait_item(&mut self, path: &str, item: &TraitItem) {
        match item {
            TraitItem::Fn(item) if !is_hidden(&item.attrs) => {
                let default = if item.default.is_some() {
                    " (provided)"
                } else {
                    ""
                };
                let text = signature(&item.attrs, &Visibility::Inherited, &item.sig) + default;
                self.push(&format!("{path}::{}", item.sig.ident), "", &text);
            }
            TraitItem::Type(item) => {
                let mut item = item.clone();
                item.attrs.clear();
                let text = unparse(parse_quote!(trait T { #item }));
                let text = text
                    .trim_start_matches("trait T {")
                    .trim_end_matches('}')
                    .trim();
                self.push(&format!("{path}::{}", item.ident), "", text);
            }
            _ => {}
        }
    }

    /// An enum whose variants are shown by words, which are data that others read.
    fn words(&mut self, path: &str, tokens: TokenStream) {
        self.push(path, "", "#[non_exhaustive] pub enum, Clone + Copy + Debug + Display + Eq + Hash, `const fn as_str`");
        let body = tokens.into_iter().find_map(|token| match token {
            TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Brace => {
                Some(group.stream())
            }
            _ => None,
        });
        let tokens: Vec<TokenTree> = body.expect("the variants").into_iter().collect();
        for variant in tokens.windows(3) {
            if let [
                TokenTree::Ident(name),
                TokenTree::Punct(sign),
                TokenTree::Literal(word),
            ] = variant
                && sign.as_char() == '='
                && *name != "doc"
            {
                self.push(&format!("{path}::{name}"), "", &format!("{name} = {word}"));
            }
        }
    }

    /// What is implemented on the type or, of a trait, for types of others.
    fn impls(&mut self, export: &Export, placed: &Placed, files: &CrateFiles) {
        let Some(name) = name_of(&placed.item) else {
            return;
        };
        // Of two types with one name in a crate each has its impls in its own file, or below it.
        let is_ambiguous = files.is_ambiguous(&name);
        let is_near = |other: &Placed| !is_ambiguous || other.module.starts_with(&placed.module);
        let is_trait = matches!(placed.item, Item::Trait(_));
        for other in files.items.iter().filter(|other| is_near(other)) {
            let Item::Impl(item) = &other.item else {
                continue;
            };
            if item.trait_.is_some() && of_private(item, files) {
                continue;
            }
            let of_trait = item
                .trait_
                .as_ref()
                .and_then(|(path, _)| path.segments.last());
            let of_trait = of_trait.map(|segment| segment.ident.to_string());
            let is_on_type =
                !is_trait && last_segment(&item.self_ty).is_some_and(|found| found == name);
            if is_on_type && of_trait.is_none() {
                self.methods(&export.public, item);
            } else if is_on_type
                && of_trait
                    .as_ref()
                    .is_some_and(|found| is_public(found, files))
                || is_trait && of_trait.as_ref() == Some(&name)
            {
                self.push(&export.public, "", &head_of(item));
            }
        }
        for other in &files.items {
            if let Item::Macro(item) = &other.item
                && let Some(of_trait) = written_impl(&item.mac.path)
                && item
                    .mac
                    .tokens
                    .clone()
                    .into_iter()
                    .any(|token| token.to_string() == name)
            {
                self.push(&export.public, "", &format!("impl {of_trait} for {name}"));
            }
        }
    }

    fn methods(&mut self, path: &str, item: &ItemImpl) {
        let cfgs = shown(&cfgs_of(&item.attrs));
        for item in &item.items {
            match item {
                ImplItem::Fn(item)
                    if matches!(item.vis, Visibility::Public(_)) && !is_hidden(&item.attrs) =>
                {
                    let text = signature(&item.attrs, &item.vis, &item.sig);
                    self.push(&format!("{path}::{}", item.sig.ident), &cfgs, &text);
                }
                ImplItem::Const(item) if matches!(item.vis, Visibility::Public(_)) => {
                    let ty = unparse_type(&item.ty);
                    self.push(
                        &format!("{path}::{}", item.ident),
                        &cfgs,
                        &format!("const {ty}"),
                    );
                }
                _ => {}
            }
        }
    }

    fn macros(&mut self, files: &CrateFiles) {
        for placed in &files.items {
            if let Item::Macro(item) = &placed.item
                && item
                    .attrs
                    .iter()
                    .any(|attribute| attribute.path().is_ident("macro_export"))
                && !is_hidden(&item.attrs)
                && let Some(name) = &item.ident
            {
                self.push(
                    &format!("{name}!"),
                    &shown(&cfgs_of(&item.attrs)),
                    "macro_rules!",
                );
            }
        }
    }
}

/// The trait that one of the crate's own macros implements for each name it is given.
fn written_impl(path: &syn::Path) -> Option<&'static str> {
    let name = path.get_ident()?.to_string();
    match name.as_str() {
        "debug_as_display" => Some("Debug"),
        "as_word" => Some("Serialize"),
        _ => None,
    }
}

/// Whether a trait of this name is one that users see: of another crate, or exported.
fn is_public(name: &str, files: &CrateFiles) -> bool {
    let is_ours = files
        .items
        .iter()
        .any(|placed| matches!(&placed.item, Item::Trait(item) if item.ident == name));
    !is_ours
        || files
            .exports
            .iter()
            .any(|export| export.path.last().is_some_and(|last| last == name))
}

fn head_of(item: &ItemImpl) -> String {
    let mut head = item.clone();
    head.attrs = cfgs_of(&head.attrs);
    head.items.retain(|item| matches!(item, ImplItem::Type(_)));
    unparse(Item::Impl(head))
}

/// Whether the trait or the type is written with a type that users can't name.
fn of_private(item: &ItemImpl, files: &CrateFiles) -> bool {
    let path = item.trait_.as_ref().map(|(path, _)| path.segments.last());
    let (args, ty) = (
        path.flatten().map(|segment| &segment.arguments),
        &item.self_ty,
    );
    let written = quote::quote!(#args #ty).to_string();
    let mut words = written.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| files.is_private(word))
}

fn last_segment(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else {
        return None;
    };
    path.path
        .segments
        .last()
        .map(|segment| segment.ident.to_string())
}

fn signature(attrs: &[Attribute], vis: &Visibility, sig: &Signature) -> String {
    let attrs = kept(attrs);
    // How a function binds its arguments is its own affair.
    unparse(parse_quote!(#(#attrs)* #vis #sig {})).replace("(mut self", "(self")
}

/// The attributes that matter to users, without their texts.
fn kept(attributes: &[Attribute]) -> Vec<Attribute> {
    let is_shown =
        |attribute: &&Attribute| SHOWN.iter().any(|name| attribute.path().is_ident(name));
    let plain = |attribute: &Attribute| {
        if attribute.path().is_ident("must_use") {
            parse_quote!(#[must_use])
        } else {
            attribute.clone()
        }
    };
    attributes.iter().filter(is_shown).map(plain).collect()
}

fn shown(attributes: &[Attribute]) -> String {
    if attributes.is_empty() {
        return String::new();
    }
    let item: Item = parse_quote!(#(#attributes)* struct S;);
    unparse(item).trim_end_matches("struct S;").to_owned()
}

fn unparse_type(ty: &Type) -> String {
    let text = unparse(parse_quote!(type T = #ty;));
    text.trim_start_matches("type T = ")
        .trim_end_matches(';')
        .to_owned()
}

/// On one line, without the empty body.
#[allow(
    clippy::needless_pass_by_value,
    reason = "what is shown is made for it"
)]
fn unparse(item: Item) -> String {
    let file: File = parse_quote!(#item);
    let text = prettyplease::unparse(&file);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line
        .replace("( ", "(")
        .replace(", )", ")")
        .replace(",)", ")")
        .replace("< ", "<")
        .replace(", >", ">");
    line.trim_end_matches(" {}")
        .trim_end_matches("{}")
        .to_owned()
}
