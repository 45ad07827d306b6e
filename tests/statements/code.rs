//! Rust code by its tokens: what is called with what, and what names stand for.

use crate::source::{group, ident, is_punct, split, tokens_of};
use proc_macro2::{Delimiter, Group, TokenTree};

/// What is between braces.
pub fn brace(token: Option<&TokenTree>) -> Option<Vec<TokenTree>> {
    group(token).filter(|group| group.delimiter() == Delimiter::Brace).map(tokens_of)
}

pub fn parenthesis(token: &TokenTree) -> Option<&Group> {
    group(Some(token)).filter(|group| group.delimiter() == Delimiter::Parenthesis)
}

/// The name of a parameter: the last word before its type.
pub fn parameter(tokens: &[TokenTree]) -> String {
    let end = tokens.iter().position(|token| is_punct(Some(token), ':')).unwrap_or(tokens.len());
    tokens[..end].iter().filter_map(|token| ident(Some(token))).next_back().unwrap_or_default()
}

/// Up to where a statement of Rust goes that begins at a place.
pub fn until_semicolon(tokens: &[TokenTree]) -> &[TokenTree] {
    let end = tokens.iter().position(|token| is_punct(Some(token), ';')).unwrap_or(tokens.len());
    &tokens[..end]
}

/// The constants of a block, and what they are.
pub fn constants(tokens: &[TokenTree]) -> Vec<(String, Vec<TokenTree>)> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if ident(tokens.get(at)).as_deref() == Some("const")
            && let Some(name) = ident(tokens.get(at + 1)).filter(|_| is_punct(tokens.get(at + 2), ':'))
        {
            let whole = until_semicolon(&tokens[at..]);
            let begin = whole.iter().position(|token| is_punct(Some(token), '=')).unwrap_or(whole.len());
            found.push((name, whole[begin..].to_vec()));
        }
    }
    found
}

/// The same, with those of the blocks inside.
pub fn all_constants(tokens: &[TokenTree]) -> Vec<(String, Vec<TokenTree>)> {
    let inner = tokens.iter().filter_map(|token| group(Some(token)));
    constants(tokens).into_iter().chain(inner.flat_map(|group| all_constants(&tokens_of(group)))).collect()
}

/// What `let` gives a variable of a name, in a block or those inside.
pub fn variables(tokens: &[TokenTree], name: &str) -> Vec<Vec<TokenTree>> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if ident(tokens.get(at)).as_deref() == Some("let") {
            let whole = until_semicolon(&tokens[at..]);
            let equal = whole.iter().position(|token| is_punct(Some(token), '='));
            if let Some(equal) = equal.filter(|equal| has_word(&whole[1..*equal], name)) {
                found.push(whole[equal + 1..].to_vec());
            }
        }
        if let Some(inner) = group(tokens.get(at)) {
            found.extend(variables(&tokens_of(inner), name));
        }
    }
    found
}

pub fn words(tokens: &[TokenTree]) -> Vec<String> {
    let inner = tokens.iter().filter_map(|token| group(Some(token)));
    let own = tokens.iter().filter_map(|token| ident(Some(token)));
    own.chain(inner.flat_map(|group| words(&tokens_of(group)))).collect()
}

pub fn has_word(tokens: &[TokenTree], word: &str) -> bool {
    tokens.iter().any(|token| {
        ident(Some(token)).as_deref() == Some(word)
            || group(Some(token)).is_some_and(|group| has_word(&tokens_of(group), word))
    })
}

/// What is given for a parameter of closures that have a name: `let run = |sql, ..| ..; run(..)`.
pub fn given_to_closures(body: &[TokenTree], parameter: &str) -> Vec<Vec<TokenTree>> {
    let mut found = Vec::new();
    each_let(body, &mut |name, value| {
        let Some(rest) = value.strip_prefix_bar() else { return };
        let end = rest.iter().position(|token| is_punct(Some(token), '|')).unwrap_or(0);
        let parameters: Vec<String> = split(&rest[..end]).into_iter().map(self::parameter).collect();
        let Some(place) = parameters.iter().position(|name| name == parameter) else { return };
        each_call(body, &mut |path, arguments| {
            if path == [name.to_owned()]
                && let Some(argument) = split(arguments).get(place)
            {
                found.push(argument.to_vec());
            }
        });
    });
    found
}

pub trait Bar {
    /// What follows the bar that a closure begins with.
    fn strip_prefix_bar(&self) -> Option<&[TokenTree]>;
}

impl Bar for [TokenTree] {
    fn strip_prefix_bar(&self) -> Option<&[TokenTree]> {
        let is_moved = ident(self.first()).as_deref() == Some("move");
        let rest = &self[usize::from(is_moved)..];
        is_punct(rest.first(), '|').then(|| &rest[1..])
    }
}

/// Calls `look` with the name and the value of every `let name = ..`.
pub fn each_let(tokens: &[TokenTree], look: &mut impl FnMut(&str, &[TokenTree])) {
    for at in 0..tokens.len() {
        if ident(tokens.get(at)).as_deref() == Some("let")
            && let Some(name) = ident(tokens.get(at + 1)).filter(|_| is_punct(tokens.get(at + 2), '='))
        {
            look(&name, until_semicolon(&tokens[at + 3..]));
        }
        if let Some(inner) = group(tokens.get(at)) {
            each_let(&tokens_of(inner), look);
        }
    }
}

/// Calls `look` with every path, `one::two`, but for what a dot or a colon makes a member, and what is in parentheses behind it.
pub fn each_path(tokens: &[TokenTree], look: &mut impl FnMut(&[String], &[TokenTree])) {
    let mut at = 0;
    while at < tokens.len() {
        if let Some(inner) = group(tokens.get(at)) {
            each_path(&tokens_of(inner), look);
        }
        let (path, length) = path(&tokens[at..]);
        let is_member = at > 0 && is_punct(tokens.get(at - 1), '.') || is_punct(tokens.get(at + length), ':');
        if !path.is_empty() && !is_member {
            let arguments = tokens.get(at + length).and_then(parenthesis).map(tokens_of);
            look(&path, &arguments.unwrap_or_default());
        }
        at += length.max(1);
    }
}

/// The path that tokens begin with, and how many of them it takes.
pub fn path(tokens: &[TokenTree]) -> (Vec<String>, usize) {
    let Some(first) = ident(tokens.first()) else { return (Vec::new(), 0) };
    let mut path = vec![first];
    let mut at = 1;
    while is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':') {
        let Some(next) = ident(tokens.get(at + 2)) else { break };
        path.push(next);
        at += 3;
    }
    (path, at)
}

/// Calls `look` with every call of a path and its arguments; of a method, with its name behind a dot.
pub fn each_call(tokens: &[TokenTree], look: &mut impl FnMut(&[String], &[TokenTree])) {
    let mut at = 0;
    while at < tokens.len() {
        if let Some(inner) = group(tokens.get(at)) {
            each_call(&tokens_of(inner), look);
        }
        let (mut path, length) = path(&tokens[at..]);
        if !path.is_empty() {
            if at > 0 && is_punct(tokens.get(at - 1), '.') {
                path[0].insert(0, '.');
            }
            if let Some(arguments) = tokens.get(at + length).and_then(parenthesis) {
                look(&path, &tokens_of(arguments));
            }
        }
        at += length.max(1);
    }
}
