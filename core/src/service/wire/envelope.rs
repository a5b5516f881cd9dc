use std::cell::Cell;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::counted_elements::{Counted, ElementCount, MAX_EMPTY_ELEMENTS};
use super::fingerprint::Fingerprint;
use super::shallow_bytes::{MAX_STACK, ShallowBytes};
use super::wire_signature::WireSignature;
use crate::Json;

/// How the values of a service travel: as a JSON string of base64, which has the fingerprint of the service's types (8
/// bytes) and the value in postcard's format.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope(Fingerprint);

/// Why a value can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error(
        "the {what} is of other types than those of this build (theirs {theirs}, here {here}): a field or variant was \
         added, removed, renamed, moved or changed; build caller and worker with the same types"
    )]
    OtherTypes { what: &'static str, theirs: Fingerprint, here: Fingerprint },
    #[error("the {what} is not a value of a service ({problem}); something else than a service has sent it")]
    NoValue { what: &'static str, problem: String },
    #[error("the {what} does not fit its type: {problem}; build caller and worker with the same types")]
    DoesNotFit { what: &'static str, problem: String },
    #[error(
        "the {what} nests too deep: to read it would take more than {} KiB of stack; send it in a flat form, such as a \
         list of its parts",
        MAX_STACK / 1024
    )]
    TooDeep { what: &'static str },
    #[error(
        "the {what} has lists of more than {MAX_EMPTY_ELEMENTS} elements of a type without bytes, such as (); send their \
         number instead"
    )]
    TooManyElements { what: &'static str },
}

/// The bytes of a fingerprint.
const PREFIX: usize = 8;

impl Envelope {
    /// Reads the shape of the types.
    pub(super) fn of<S: WireSignature>() -> Self {
        Self(Fingerprint::EMPTY.with::<S::Request>().with::<S::Response>().with::<S::Error>())
    }

    /// # Errors
    /// If the type's `Serialize` fails, such as that of a sequence of unknown length.
    pub(super) fn encode<T: Serialize>(self, value: &T) -> Result<String, postcard::Error> {
        let bytes = postcard::to_extend(value, self.0.to_bytes().to_vec())?;
        Ok(STANDARD_NO_PAD.encode(bytes))
    }

    pub(super) fn decode<T: DeserializeOwned>(
        self,
        what: &'static str,
        json: &Json,
    ) -> Result<T, Unreadable> {
        let no_value = |problem: String| Unreadable::NoValue { what, problem };
        let text: String = json.to().map_err(|error| no_value(error.to_string()))?;
        let bytes = STANDARD_NO_PAD.decode(text).map_err(|error| no_value(error.to_string()))?;
        let Some((prefix, value)) = bytes.split_first_chunk::<PREFIX>() else {
            return Err(no_value(format!("{} bytes are too few", bytes.len())));
        };
        let theirs = Fingerprint::from_bytes(*prefix);
        if theirs != self.0 {
            return Err(Unreadable::OtherTypes { what, theirs, here: self.0 });
        }
        let does_not_fit = |problem: String| Unreadable::DoesNotFit { what, problem };
        let is_too_deep = Cell::new(false);
        let mut reader = postcard::Deserializer::from_flavor(ShallowBytes::new(value, &is_too_deep));
        let count = ElementCount::new(value.len());
        let read = T::deserialize(Counted::new(&mut reader, &count));
        let read = read.and_then(|value| Ok((value, reader.finalize()?)));
        match read {
            Ok((value, [])) => Ok(value),
            Ok((_, left)) => Err(does_not_fit(format!("{} bytes are left over", left.len()))),
            Err(_) if is_too_deep.get() => Err(Unreadable::TooDeep { what }),
            Err(_) if count.is_over() => Err(Unreadable::TooManyElements { what }),
            Err(error) => Err(does_not_fit(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::Signature;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Chain {
        End,
        Link(Box<Self>),
    }

    fn chain(links: usize) -> Chain {
        (0..links).fold(Chain::End, |chain, _| Chain::Link(Box::new(chain)))
    }

    #[test]
    fn a_value_that_nests_too_deep_is_refused() {
        let envelope = Envelope::of::<Types<Chain>>();
        let json = |text: &str| Json::of(&text).expect("a string");
        let shallow = json(&envelope.encode(&chain(100)).expect("bytes"));
        assert_eq!(envelope.decode::<Chain>("request", &shallow).expect("the value"), chain(100));
        // As its sender has built it, without a value of that depth here.
        let links = vec![1_u8; 700_000];
        let deep = STANDARD_NO_PAD.encode([&envelope.0.to_bytes()[..], &links, &[0]].concat());
        let error = envelope.decode::<Chain>("request", &json(&deep)).expect_err("too deep");
        assert!(matches!(error, Unreadable::TooDeep { .. }), "{error}");
        assert!(error.to_string().contains("more than 512 KiB of stack; send it in a flat form"), "{error}");
    }

    #[test]
    fn a_list_of_elements_without_bytes_is_bounded() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Nothing;
        fn check<T: Serialize + DeserializeOwned + 'static>(few: T) {
            let envelope = Envelope::of::<Types<T>>();
            let json = Json::of(&envelope.encode(&few).expect("bytes")).expect("a string");
            envelope.decode::<T>("request", &json).map(drop).expect("few are a value");
            // A length of 2^63 - 1, as a varint.
            let bytes = [&envelope.0.to_bytes()[..], &[0xff; 8], &[0x7f]].concat();
            let json = Json::of(&STANDARD_NO_PAD.encode(bytes)).expect("a string");
            let error = envelope.decode::<T>("request", &json).map(drop).expect_err("too many");
            assert!(matches!(error, Unreadable::TooManyElements { .. }), "{error}");
            assert!(
                error.to_string().contains("more than 65536 elements of a type without bytes"),
                "{error}"
            );
        }
        check(vec![(); 9]);
        check(vec![Nothing]);
        check(BTreeMap::from([((), ())]));
        check(vec![[0_u8; 0]]);
        // Lists of elements with bytes have a bound in their bytes.
        let envelope = Envelope::of::<Types<Vec<Vec<u8>>>>();
        let bytes = vec![vec![1; 100_000], vec![2; 100_000]];
        let json = Json::of(&envelope.encode(&bytes).expect("bytes")).expect("a string");
        assert_eq!(envelope.decode::<Vec<Vec<u8>>>("request", &json).expect("the value"), bytes);
    }

    struct Types<Request>(Request);

    impl<Request> Signature for Types<Request> {
        type Request = Request;
        type Response = ();
        type Error = ();
    }

    #[test]
    fn what_json_has_no_form_for_survives() {
        type Request = (BTreeMap<(u8, bool), f64>, Option<Option<()>>, u128, Vec<u8>, char);
        let envelope = Envelope::of::<Types<Request>>();
        let value: Request =
            (BTreeMap::from([((1, true), f64::INFINITY)]), Some(None), u128::MAX, vec![0; 9], 'ß');
        let json = Json::of(&envelope.encode(&value).expect("bytes")).expect("a string");
        assert_eq!(envelope.decode::<Request>("request", &json).expect("the value"), value);
    }

    #[test]
    fn each_reason_is_told_apart() {
        let (here, other) = (Envelope::of::<Types<u8>>(), Envelope::of::<Types<u16>>());
        let decode = |text: &str| {
            let json = Json::of(&text).expect("a string");
            here.decode::<u8>("request", &json).expect_err(text)
        };
        assert!(matches!(decode(&other.encode(&1_u16).expect("bytes")), Unreadable::OtherTypes { .. }));
        assert!(matches!(decode("?"), Unreadable::NoValue { .. }));
        assert!(matches!(decode("AAAA"), Unreadable::NoValue { .. }));
        let left_over = decode(&here.encode(&(1_u8, 2_u8)).expect("bytes"));
        assert!(left_over.to_string().contains("1 bytes are left over"), "{left_over}");
        assert!(matches!(decode(&here.encode(&()).expect("bytes")), Unreadable::DoesNotFit { .. }));
        let object = Json::parse("{}").expect("JSON");
        assert!(matches!(here.decode::<u8>("request", &object), Err(Unreadable::NoValue { .. })));
    }
}
