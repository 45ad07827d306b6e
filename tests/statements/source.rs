//! Finds the SQL in Rust sources: literals, and what `concat!` and declarative macros make of several.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A text in a source file.
pub struct Text {
    /// File, function and constant: `file/store/list.rs current_files ALL`.
    pub at: String,
    pub value: String,
}

/// Every text in the Rust files below a directory. What is part of another text is not listed besides.
pub fn texts(root: &Path) -> Vec<Text> {
    texts_of(rust_files(root))
}

/// The same of files by their names.
fn texts_of(files: Vec<(String, String)>) -> Vec<Text> {
    let tokens_of = |(name, source): (String, String)| {
        let tokens: TokenStream = source.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, tokens.into_iter().collect())
    };
    let files: Vec<(String, Vec<TokenTree>)> = files.into_iter().map(tokens_of).collect();
    let mut macros = Macros::default();
    for (file, tokens) in &files {
        macros.learn(file, tokens);
    }
    let mut found = Vec::new();
    for (file, tokens) in &files {
        let mut finder = Finder { macros: &macros, file, found: &mut found };
        finder.walk(tokens, file, None);
    }
    // Several in one place are counted.
    let mut count: HashMap<String, usize> = HashMap::new();
    for text in &mut found {
        let number = count.entry(text.at.clone()).or_default();
        *number += 1;
        if *number > 1 {
            text.at = format!("{} {number}", text.at);
        }
    }
    found
}

/// The Rust files below a directory, by their names there, and what they say.
pub fn rust_files(root: &Path) -> Vec<(String, String)> {
    read(root, &["rs"])
}

/// The files below a directory whose names end so, by their names there, and what they say.
pub fn read(root: &Path, extensions: &[&str]) -> Vec<(String, String)> {
    let name = |path: &Path| path.strip_prefix(root).expect("below the root").display().to_string();
    files(root, extensions)
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).expect("read a source file")))
        .collect()
}

fn files(directory: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("list a directory") {
        let path = entry.expect("list a directory").path();
        if path.is_dir() {
            found.extend(files(&path, extensions));
        } else if extensions.iter().any(|extension| path.extension().is_some_and(|of| of == *extension)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

pub fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

pub fn group(token: Option<&TokenTree>) -> Option<&Group> {
    match token {
        Some(TokenTree::Group(group)) => Some(group),
        _ => None,
    }
}

pub fn tokens_of(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

/// What is between commas.
pub fn split(tokens: &[TokenTree]) -> Vec<&[TokenTree]> {
    let mut parts: Vec<&[TokenTree]> = tokens.split(|token| is_punct(Some(token), ',')).collect();
    if parts.last().is_some_and(|last| last.is_empty()) {
        parts.pop();
    }
    parts
}

/// Walks one file.
struct Finder<'a> {
    macros: &'a Macros,
    file: &'a str,
    found: &'a mut Vec<Text>,
}

impl Finder<'_> {
    fn walk(&mut self, tokens: &[TokenTree], place: &str, constant: Option<&str>) {
        let mut constant = constant.map(str::to_owned);
        let mut function = None;
        let mut at = 0;
        while at < tokens.len() {
            let (here, next) = (&tokens[at], tokens.get(at + 1));
            let word = ident(Some(here)).unwrap_or_default();
            if is_punct(Some(here), '#') {
                // An attribute, or a comment that documents.
                at += if is_punct(next, '!') { 3 } else { 2 };
                continue;
            }
            if word == "macro_rules" {
                at += 4;
                continue;
            }
            match word.as_str() {
                "fn" => function = ident(next).map(|name| format!("{place} {name}")).or(function),
                "const" | "static" if is_punct(tokens.get(at + 2), ':') => constant = ident(next),
                _ => {}
            }
            if is_punct(Some(here), ';') {
                constant = None;
            }
            if let Some((value, length)) = self.macros.text(self.file, &tokens[at..]) {
                let place = function.as_deref().unwrap_or(place);
                let at_constant = constant.iter().map(|constant| format!(" {constant}")).collect::<String>();
                self.found.push(Text { at: format!("{place}{at_constant}"), value });
                at += length;
                continue;
            }
            if let Some(inner) = group(Some(here)) {
                self.walk(&tokens_of(inner), function.as_deref().unwrap_or(place), constant.as_deref());
                if inner.delimiter() == Delimiter::Brace {
                    function = None;
                }
            }
            at += 1;
        }
    }
}

/// A pattern, and what is made of what matches it.
type Arm = (Vec<TokenTree>, Vec<TokenTree>);

/// Declarative macros, by the file they are in and their name.
#[derive(Default)]
pub struct Macros(HashMap<(String, String), Vec<Arm>>);

/// What a macro's arguments are; of one that is repeated, each of them.
type Bindings = HashMap<String, Vec<Vec<TokenTree>>>;

impl Macros {
    pub fn learn(&mut self, file: &str, tokens: &[TokenTree]) {
        let mut at = 0;
        while at < tokens.len() {
            if ident(tokens.get(at)).as_deref() == Some("macro_rules") {
                let name = ident(tokens.get(at + 2)).expect("a macro has a name");
                let body = tokens_of(group(tokens.get(at + 3)).expect("a macro has a body"));
                let arms = body
                    .split(|token| is_punct(Some(token), ';'))
                    .filter(|arm| !arm.is_empty())
                    .map(|arm| {
                        let (pattern, result) = (group(arm.first()), group(arm.last()));
                        (tokens_of(pattern.expect("a pattern")), tokens_of(result.expect("a result")))
                    })
                    .collect();
                let known = self.0.insert((file.to_owned(), name.clone()), arms);
                // Of two that are built under different conditions the last is seen; neither makes a statement of quire's.
                let is_conditional = at >= 2
                    && is_punct(tokens.get(at - 2), '#')
                    && group(tokens.get(at - 1)).is_some_and(|it| it.stream().to_string().starts_with("cfg"));
                assert!(
                    known.is_none() || is_conditional,
                    "{file} has two macros {name}: give one another name"
                );
                at += 4;
                continue;
            }
            if let Some(inner) = group(tokens.get(at)) {
                self.learn(file, &tokens_of(inner));
            }
            // `use {one as other}`
            if ident(tokens.get(at + 1)).as_deref() == Some("as")
                && let (Some(one), Some(other)) = (ident(tokens.get(at)), ident(tokens.get(at + 2)))
                && let Some(arms) = self.0.get(&(file.to_owned(), one))
            {
                self.0.insert((file.to_owned(), other), arms.clone());
            }
            at += 1;
        }
    }

    /// The macro of this name as a file sees it: its own, or the one that another has.
    fn arms(&self, file: &str, name: &str) -> Option<&Vec<Arm>> {
        self.0.get(&(file.to_owned(), name.to_owned())).or_else(|| {
            let mut others = self.0.iter().filter(|((_, known), _)| known == name);
            let (_, arms) = others.next()?;
            assert!(others.next().is_none(), "{file} uses {name}!, which several other files have");
            Some(arms)
        })
    }

    /// The text that tokens begin with, and how many of them it takes.
    pub fn text(&self, file: &str, tokens: &[TokenTree]) -> Option<(String, usize)> {
        match tokens.first()? {
            TokenTree::Literal(literal) => {
                let text = syn::parse_str::<syn::LitStr>(&literal.to_string()).ok()?;
                return Some((text.value(), 1));
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                return Some((self.whole_text(file, &tokens_of(group))?, 1));
            }
            _ => {}
        }
        // path::to::name!(..)
        let mut at = 0;
        while is_punct(tokens.get(at + 1), ':') && ident(tokens.get(at)).is_some() {
            at += 3;
        }
        let name = ident(tokens.get(at))?;
        if !is_punct(tokens.get(at + 1), '!') {
            return None;
        }
        let arguments = tokens_of(group(tokens.get(at + 2))?);
        let text = if name == "concat" {
            split(&arguments)
                .into_iter()
                .map(|part| self.whole_text(file, part))
                .collect::<Option<String>>()?
        } else {
            let (bindings, result) = self
                .arms(file, &name)?
                .iter()
                .find_map(|(pattern, result)| Some((matched(pattern, &arguments)?, result)))?;
            self.whole_text(file, &filled(result, &bindings, None))?
        };
        Some((text, at + 3))
    }

    /// The text that all of these tokens are; in `concat!` also a number.
    fn whole_text(&self, file: &str, tokens: &[TokenTree]) -> Option<String> {
        if let [TokenTree::Literal(literal)] = tokens
            && let Ok(number) = syn::parse_str::<syn::LitInt>(&literal.to_string())
        {
            return Some(number.base10_digits().to_owned());
        }
        let (text, length) = self.text(file, tokens)?;
        (length == tokens.len()).then_some(text)
    }
}

/// What the arguments of a macro are, when they are of this pattern: `$name:kind` between commas, the last ones perhaps repeated.
fn matched(pattern: &[TokenTree], arguments: &[TokenTree]) -> Option<Bindings> {
    let mut bindings = Bindings::new();
    let mut rest = arguments;
    let mut at = 0;
    while at < pattern.len() {
        if !is_punct(pattern.get(at), '$') {
            let (first, others) = rest.split_first()?;
            (first.to_string() == pattern[at].to_string()).then_some(())?;
            rest = others;
            at += 1;
        } else if let Some(repeated) = group(pattern.get(at + 1)) {
            let repeated = tokens_of(repeated);
            while !rest.is_empty() {
                let length = 1 + rest[1..]
                    .iter()
                    .position(|token| is_punct(Some(token), ','))
                    .unwrap_or(rest.len() - 1);
                for (name, values) in matched(&repeated, &rest[..length])? {
                    bindings.entry(name).or_default().extend(values);
                }
                rest = &rest[length..];
            }
            at += 3;
        } else {
            let length = rest.iter().position(|token| is_punct(Some(token), ',')).unwrap_or(rest.len());
            bindings.insert(ident(pattern.get(at + 1))?, vec![rest[..length].to_vec()]);
            rest = &rest[length..];
            at += 4;
        }
    }
    rest.is_empty().then_some(bindings)
}

/// What a macro makes of its arguments; within what is repeated, of those with number `turn`.
fn filled(result: &[TokenTree], bindings: &Bindings, turn: Option<usize>) -> Vec<TokenTree> {
    let mut made = Vec::new();
    let mut at = 0;
    while at < result.len() {
        if is_punct(result.get(at), '$') {
            if let Some(repeated) = group(result.get(at + 1)) {
                let repeated = tokens_of(repeated);
                let turns = bindings.iter().filter(|(name, _)| mentions(&repeated, name));
                for turn in 0..turns.map(|(_, values)| values.len()).max().unwrap_or(0) {
                    made.extend(filled(&repeated, bindings, Some(turn)));
                }
                at += 3;
                continue;
            }
            let name = ident(result.get(at + 1)).expect("a name after $");
            if name == "crate" {
                at += 1;
                continue;
            }
            let value = bindings[&name][turn.unwrap_or(0)].iter().cloned().collect();
            made.push(TokenTree::Group(Group::new(Delimiter::None, value)));
            at += 2;
            continue;
        }
        made.push(match &result[at] {
            TokenTree::Group(inner) => {
                let filled = filled(&tokens_of(inner), bindings, turn);
                TokenTree::Group(Group::new(inner.delimiter(), filled.into_iter().collect()))
            }
            other => other.clone(),
        });
        at += 1;
    }
    made
}

fn mentions(tokens: &[TokenTree], name: &str) -> bool {
    tokens.windows(2).any(|pair| is_punct(pair.first(), '$') && ident(pair.get(1)).as_deref() == Some(name))
}

#[test]
fn texts_are_put_together_as_the_compiler_does() {
    let store = r##"
        //! "a comment"
        macro_rules! columns { ($alias:literal) => { concat!($alias, ".a, ", $alias, ".b") }; }
        pub(crate) use {columns as columns_sql};
        macro_rules! delete {
            ($table:literal, $first:literal $(, $key:literal)*) => {
                concat!("DELETE FROM ", $table, " USING ", $first $(, " AND ", $key)*)
            };
        }
        const ALL: [&str; 2] = [delete!("t", "a"), delete!("t", "a", "b", "c")];
        const RAW: &str = r#"SELECT "x""#;
        #[doc = "an attribute"]
        fn one() -> Rows {
            macro_rules! find { ($what:expr, $lock:literal) => { concat!("SELECT ", $what, $lock, 1) }; }
            const SQL: &str = find!(columns!("x"), " FOR UPDATE ");
            read(SQL, if many { "SELECT
                2" } else { crate::there::more!() })
        }
        fn two() { exec(format!("{}", "part"), b"bytes", 'c', 1) }
    "##;
    let there = r#"macro_rules! more { () => { concat!("more ", $crate::store::columns_sql!("y")) }; }"#;
    let files = [("store.rs", store), ("there.rs", there)];
    let found = texts_of(files.map(|(name, source)| (name.to_owned(), source.to_owned())).into());
    let found: Vec<(&str, &str)> = found.iter().map(|text| (text.at.as_str(), text.value.as_str())).collect();
    assert_eq!(
        found,
        [
            ("store.rs ALL", "DELETE FROM t USING a"),
            ("store.rs ALL 2", "DELETE FROM t USING a AND b AND c"),
            ("store.rs RAW", "SELECT \"x\""),
            ("store.rs one SQL", "SELECT x.a, x.b FOR UPDATE 1"),
            ("store.rs one", "SELECT\n                2"),
            ("store.rs one 2", "more y.a, y.b"),
            ("store.rs two", "{}"),
            ("store.rs two 2", "part"),
        ]
    );
}
