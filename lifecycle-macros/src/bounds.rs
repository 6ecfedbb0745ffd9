//! The tokens of a macro call go in. A problem comes out if parsing them would overflow the stack
//! or take minutes: they are nested too deep, or a number is too long.
//!
//! syn parses by recursion, and a number by long division. This check runs before syn sees
//! anything; it walks the tokens with a stack of its own and adds up what parsing will cost. rustc
//! itself copes with deeper code, so the help says to move the part out of the macro.

use proc_macro2::{
    Delimiter, Ident, Literal, Punct, Spacing, TokenStream, TokenTree, token_stream,
};
use syn::{Error, Expr, Result};

use crate::errors::problem_at;

/// The most stack that parsing may use, in kilobytes of a debug build: half of what a thread of
/// rustc has.
const BUDGET: usize = 4000;

/// The most that one level of recursion costs, measured with syn 3 in a debug build. Most tokens
/// begin no level, but in a run without a comma each of them may: `a.b.c`, `!!!a`.
const TOKEN: usize = 4;
const SIGN: usize = 8;
const REFERENCE: usize = 24;
const BAR: usize = 12;
const JUMP: usize = 20;
const GROUP: usize = 24;
const ANGLE: usize = 80;

/// The longest number, prefix and unit included, in characters.
const DIGITS: usize = 1000;

/// The longest text that an argument takes, in bytes.
pub(crate) const TEXT: usize = 1000;

/// One level of the walk: a group, and how far it has been read.
struct Level {
    rest: token_stream::IntoIter,
    /// The cost of the levels around this one.
    below: usize,
    /// The cost of the tokens since the last comma, which may all belong to one expression.
    run: usize,
    /// How many angle brackets are open. A comma closes none, and some are comparisons.
    angles: usize,
    /// The previous sign, if it is joined to the next one.
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
            // `#` begins an attribute, such as a line of documentation, and that ends the
            // expression.
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

/// Points at the token that is one too many: of a group, at its opening bracket.
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

/// Parses code that stands in quotes.
pub(crate) fn parse(text: &str) -> Option<Expr> {
    let tokens: TokenStream = text.parse().ok()?;
    check(&tokens).ok()?;
    syn::parse2(tokens).ok()
}
