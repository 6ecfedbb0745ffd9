//! The tokens of a macro call go in; a problem comes out where they are nested so deep, or a number
//! is so long, that to parse them would overflow the stack or take minutes.
//!
//! syn reads by recursion, and a number by long division: what it costs is bounded here, by a walk
//! that keeps its own stack, before syn sees anything. rustc copes with more than this, so a user is
//! told to move the part out of the macro.

use proc_macro2::{
    Delimiter, Ident, Literal, Punct, Spacing, TokenStream, TokenTree, token_stream,
};
use syn::{Error, Expr, Result};

use crate::errors::problem_at;

/// What may be on the stack at once, in kilobytes of a debug build: half of what rustc's threads
/// have.
const BUDGET: usize = 4000;

/// What a level of recursion costs at most, measured with syn 3 in a debug build. Most tokens begin
/// none, but each of a run without a comma may be one: `a.b.c`, `!!!a`.
const TOKEN: usize = 4;
const SIGN: usize = 8;
const REFERENCE: usize = 24;
const BAR: usize = 12;
const JUMP: usize = 20;
const GROUP: usize = 24;
const ANGLE: usize = 80;

/// Digits of a number, with its prefix and its unit.
const DIGITS: usize = 1000;

/// Characters of a text that is a value of ours.
pub(crate) const TEXT: usize = 1000;

/// One level of the walk: a group and what has been read of it.
struct Level {
    rest: token_stream::IntoIter,
    /// What the levels around it cost.
    below: usize,
    /// What the tokens cost that may belong to one expression: those since the last comma.
    run: usize,
    /// Angle brackets that are open, over commas too. Some are comparisons.
    angles: usize,
    /// The sign before, if it is joined to the next one.
    joint: Option<char>,
}

impl Level {
    fn new(tokens: TokenStream, below: usize) -> Self {
        Self {
            rest: tokens.into_iter(),
            below,
            run: 0,
            angles: 0,
            joint: None,
        }
    }

    fn cost(&self) -> usize {
        self.below + self.run + self.angles * ANGLE
    }

    fn read_word(&mut self, word: &Ident) {
        let is_jump = ["return", "break", "yield"].iter().any(|jump| word == jump);
        self.run += if is_jump { JUMP } else { TOKEN };
        self.joint = None;
    }

    fn read_sign(&mut self, sign: &Punct) {
        let before = self.joint.take();
        if sign.spacing() == Spacing::Joint {
            self.joint = Some(sign.as_char());
        }
        match (before, sign.as_char()) {
            // An attribute, such as a line of documentation, is not a part of what comes before.
            (_, ',' | '#') => self.run = 0,
            (_, ';') | (Some('='), '>') => (self.run, self.angles) = (0, 0),
            (Some('-'), '>') => self.run += TOKEN,
            (_, '<') => self.angles += 1,
            (_, '>') => self.angles = self.angles.saturating_sub(1),
            (_, '|') => self.run += BAR,
            (_, '&' | '*') => self.run += REFERENCE,
            (_, '!' | '-') => self.run += SIGN,
            _ => self.run += TOKEN,
        }
    }
}

pub(crate) fn check(tokens: &TokenStream) -> Result<()> {
    let mut levels = vec![Level::new(tokens.clone(), 0)];
    while let Some(level) = levels.last_mut() {
        let Some(token) = level.rest.next() else {
            levels.pop();
            continue;
        };
        match &token {
            TokenTree::Ident(word) => level.read_word(word),
            TokenTree::Punct(sign) => level.read_sign(sign),
            TokenTree::Literal(literal) => {
                check_number(literal)?;
                level.run += TOKEN;
            }
            TokenTree::Group(group) => {
                level.run += TOKEN;
                let inside = Level::new(group.stream(), level.cost() + GROUP);
                levels.push(inside);
            }
        }
        if levels.last().is_some_and(|level| level.cost() > BUDGET) {
            return Err(refuse_depth(&token));
        }
    }
    Ok(())
}

/// At the token that is one too many; of a group, at its beginning.
fn refuse_depth(token: &TokenTree) -> Error {
    let (what, place) = match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            ("this block", group.span_open())
        }
        TokenTree::Group(group) => ("what is in these brackets", group.span_open()),
        other => ("what stands here", other.span()),
    };
    let sentence = format!("{what} is nested too deep for a macro");
    let help = "move a part of it into a function, and call that here";
    Error::new(place, format_args!("{sentence}\nhelp: {help}"))
}

fn check_number(literal: &Literal) -> Result<()> {
    let written = literal.to_string();
    if written.len() <= DIGITS || !written.starts_with(|first: char| first.is_ascii_digit()) {
        return Ok(());
    }
    let sentence = format_args!("this number is {} characters long", written.len());
    Err(problem_at(
        literal,
        sentence,
        "write a number that a type of Rust can hold",
    ))
}

/// Code out of a text that somebody put in quotes.
pub(crate) fn parse(text: &str) -> Option<Expr> {
    let tokens: TokenStream = text.parse().ok()?;
    check(&tokens).ok()?;
    syn::parse2(tokens).ok()
}
