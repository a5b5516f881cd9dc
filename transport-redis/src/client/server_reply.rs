use bytes::Bytes;
use fred::types::Resp3Frame as Frame;

use super::ClientError;

/// What a server answered.
#[derive(Debug)]
pub struct ServerReply(Frame);

impl ServerReply {
    /// The answer, or the error that it is.
    pub(super) fn new(frame: Frame) -> Result<Self, ClientError> {
        match &frame {
            Frame::SimpleError { data, .. } => Err(ClientError::of_server(data)),
            Frame::BlobError { data, .. } => Err(ClientError::of_server(&String::from_utf8_lossy(data))),
            _ => Ok(Self(frame)),
        }
    }

    /// A text, as a server would answer it.
    pub(crate) fn of_text(text: &str) -> Self {
        Self(Frame::BlobString { data: Bytes::copy_from_slice(text.as_bytes()), attributes: None })
    }

    /// The elements of an array, or the names and values of a map in turn; none, if it is nil.
    #[must_use]
    pub fn into_array(self) -> Vec<Self> {
        match self.0 {
            Frame::Array { data, .. } => data.into_iter().map(Self).collect(),
            Frame::Map { data, .. } => {
                data.into_iter().flat_map(|(name, value)| [Self(name), Self(value)]).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The bytes of a text.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match &self.0 {
            Frame::BlobString { data, .. }
            | Frame::SimpleString { data, .. }
            | Frame::VerbatimString { data, .. } => Some(data),
            _ => None,
        }
    }

    /// A text, if it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// A number, or a text that is one.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match &self.0 {
            Frame::Number { data, .. } => u64::try_from(*data).ok(),
            _ => {
                let text = self.as_str()?;
                // Scores are floating point.
                text.parse().ok().or_else(|| text.parse::<f64>().ok().map(|score| score as u64))
            }
        }
    }

    pub(crate) fn as_u32(&self) -> Option<u32> {
        self.as_u64().and_then(|number| u32::try_from(number).ok())
    }

    pub(crate) fn as_usize(&self) -> Option<usize> {
        self.as_u64().and_then(|number| usize::try_from(number).ok())
    }

    /// Whether it is nil: a value that does not exist, or the end of a blocking command's time.
    #[must_use]
    pub const fn is_nil(&self) -> bool {
        matches!(self.0, Frame::Null)
    }
}
