mod files;
mod token;

pub(crate) use files::{SourceFile, files_with};
pub(crate) use token::{Token, TokenKind, tokens};
