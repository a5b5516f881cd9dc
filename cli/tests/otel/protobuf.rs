//! As much of protobuf as a request of OTLP needs.

/// A message: its fields, in their order.
pub(crate) struct Message<'a>(Vec<(u64, Value<'a>)>);

/// A value of a field.
#[derive(Clone, Copy)]
enum Value<'a> {
    /// A number, an enum or a time.
    Number(u64),
    /// A text, bytes or a message.
    Bytes(&'a [u8]),
}

impl<'a> Message<'a> {
    pub(crate) fn parse(mut bytes: &'a [u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes);
            let value = match tag & 7 {
                0 => Value::Number(varint(&mut bytes)),
                1 => Value::Number(fixed::<8>(&mut bytes)),
                2 => {
                    let length = usize::try_from(varint(&mut bytes)).expect("a length");
                    Value::Bytes(bytes.split_off(..length).expect("that many bytes"))
                }
                5 => Value::Number(fixed::<4>(&mut bytes)),
                other => panic!("wire type {other}"),
            };
            fields.push((tag >> 3, value));
        }
        Self(fields)
    }

    /// The messages of a repeated field.
    pub(crate) fn messages(&self, field: u64) -> impl Iterator<Item = Message<'a>> {
        self.all(field).map(Message::parse)
    }

    /// The bytes of a field; none if it is absent.
    pub(crate) fn bytes(&self, field: u64) -> &'a [u8] {
        self.all(field).last().unwrap_or_default()
    }

    pub(crate) fn text(&self, field: u64) -> String {
        String::from_utf8(self.bytes(field).to_vec()).expect("UTF-8")
    }

    /// The number of a field; 0 if it is absent.
    pub(crate) fn number(&self, field: u64) -> u64 {
        let of_field = self.0.iter().filter(|(number, _)| *number == field);
        let numbers = of_field.filter_map(|(_, value)| match value {
            Value::Number(number) => Some(*number),
            Value::Bytes(_) => None,
        });
        numbers.last().unwrap_or_default()
    }

    fn all(&self, field: u64) -> impl Iterator<Item = &'a [u8]> {
        let of_field = self.0.iter().filter(move |(number, _)| *number == field);
        of_field.filter_map(|(_, value)| match value {
            Value::Bytes(bytes) => Some(*bytes),
            Value::Number(_) => None,
        })
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = *bytes.split_off_first().expect("a byte");
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
        shift += 7;
    }
}

fn fixed<const N: usize>(bytes: &mut &[u8]) -> u64 {
    let little = bytes.split_off(..N).expect("that many bytes");
    little.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
