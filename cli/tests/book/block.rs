//! The fenced blocks of a Markdown text, and what is to be done with each.

/// What a fence looks like.
const FENCE: &str = "```";

/// What is to be done with a block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is written to a file.
    File {
        /// The file, below the folder that the book is run in.
        path: String,
        /// Whether it is put at the end of what is there.
        add: bool,
    },
    /// It is compared with a file of the project.
    From(String),
    /// Its commands are run.
    Console {
        /// The exit code of the last one.
        exit: i32,
    },
}

/// One block.
#[derive(Debug)]
pub(crate) struct Block {
    /// What is to be done with it.
    pub(crate) kind: Kind,
    /// The line of its fence, counted from 1.
    pub(crate) line: usize,
    /// The offset of its text in the book.
    pub(crate) from: usize,
    /// The text between the fences.
    pub(crate) text: String,
}

/// One command of a block.
#[derive(Debug)]
pub(crate) struct Call {
    /// The lines as they stand in the book.
    pub(crate) typed: String,
    /// What the shell gets.
    pub(crate) command: String,
    /// What the book says that is printed.
    pub(crate) output: String,
}

/// All blocks of a text; the line and the problem where one cannot be run.
pub(crate) fn all(text: &str) -> Result<Vec<Block>, String> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<(Kind, usize, usize)> = None;
    let mut offset = 0;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let end = offset + line.len();
        match (line.strip_prefix(FENCE), open.take()) {
            (Some(_), Some((kind, line, from))) => {
                let text = text.get(from..offset).unwrap_or_default().to_owned();
                blocks.push(Block { kind, line, from, text });
            }
            (Some(info), None) => {
                let kind = kind(info.trim_end()).map_err(|what| format!("{number}: {what}"))?;
                open = Some((kind, number, end));
            }
            (None, was) => open = was,
        }
        offset = end;
    }
    match open {
        Some((_, line, _)) => Err(format!("{line}: this block does not end")),
        None => Ok(blocks),
    }
}

/// What an info string asks for.
fn kind(info: &str) -> Result<Kind, String> {
    let mut words = info.split_whitespace();
    let language = words.next().unwrap_or_default();
    let option = words.next();
    if let Some(more) = words.next() {
        return Err(format!("`{more}` is not understood"));
    }
    let option = option.map(|word| word.split_once('=').unwrap_or((word, "")));
    match (language, option) {
        ("console", None) => Ok(Kind::Console { exit: 0 }),
        ("console", Some(("exit", code))) => match code.parse() {
            Ok(exit) => Ok(Kind::Console { exit }),
            Err(_) => Err(format!("`{code}` is no exit code")),
        },
        ("cedar" | "toml", Some((how @ ("file" | "add"), path))) => {
            let inside = |part: &str| !part.is_empty() && part != "..";
            if path.split('/').all(inside) {
                Ok(Kind::File { path: path.to_owned(), add: how == "add" })
            } else {
                Err(format!("`{path}` is not below the folder"))
            }
        }
        ("cedar" | "toml", Some(("from", path))) => Ok(Kind::From(path.to_owned())),
        _ => Err(format!("a block of the kind `{language}` is not run")),
    }
}

impl Block {
    /// The commands of a console block, each with what it prints.
    pub(crate) fn calls(&self) -> Result<Vec<Call>, String> {
        let mut calls: Vec<Call> = Vec::new();
        let mut goes_on = false;
        for line in self.text.split_inclusive('\n') {
            let typed = if goes_on { Some(line) } else { line.strip_prefix("$ ") };
            match (typed, calls.last_mut()) {
                (Some(command), Some(call)) if goes_on => {
                    call.typed += line;
                    call.command += command;
                }
                (Some(command), _) => calls.push(Call {
                    typed: line.to_owned(),
                    command: command.to_owned(),
                    output: String::new(),
                }),
                (None, Some(call)) => call.output += line,
                (None, None) => return Err("it begins with no command".to_owned()),
            }
            goes_on = typed.is_some_and(|command| command.ends_with("\\\n"));
        }
        Ok(calls)
    }
}
