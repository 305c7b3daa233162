//! Questions on the terminal.

use console::Term;

use crate::failure::{Failure, Result};

/// Whether there is somebody to ask.
pub fn can_ask() -> bool {
    console::user_attended_stderr() && std::io::IsTerminal::is_terminal(&std::io::stdin())
}

/// Asks for a line; an empty one is the default.
pub fn line(question: &str, default: &str) -> Result<String> {
    let term = Term::stderr();
    let answer = term.write_str(&format!("{question} [{default}]: ")).and_then(|()| term.read_line());
    let answer = answer.map_err(no_answer)?;
    Ok(if answer.trim().is_empty() { default.to_owned() } else { answer.trim().to_owned() })
}

/// Asks for a line that is not shown while it is typed.
pub fn secret(question: &str) -> Result<String> {
    let term = Term::stderr();
    term.write_str(&format!("{question}: ")).and_then(|()| term.read_secure_line()).map_err(no_answer)
}

/// Asks whether to do something, where nobody said `--yes`; a failure where the answer is no.
pub fn confirm(yes: bool, what: &str) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !can_ask() {
        return Err(Failure::usage(format!("{what}: add --yes, there is no terminal to ask on")));
    }
    match line(&format!("{what}? Type yes to go on"), "no")?.as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::failed("nothing was done")),
    }
}

fn no_answer(error: std::io::Error) -> Failure {
    Failure::failed(format!("no answer on the terminal: {error}"))
}
