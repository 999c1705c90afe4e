//! The IDX format of the MNIST files: an array of numbers behind a header of sizes.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::DataError;

/// Defines the enum of value vectors and everything that differs by element type, from one table.
macro_rules! elements {
    ($($(#[$doc:meta])* $variant:ident($element:ident) = $code:literal,)*) => {
        /// The values of an [`Idx`], in the element type of the file.
        ///
        /// ```
        /// use tandem_nn::data::IdxValues;
        /// let values = IdxValues::I16(vec![-2, 300]);
        /// assert_eq!(values.as_f64().collect::<Vec<f64>>(), [-2.0, 300.0]);
        /// ```
        #[derive(Clone, Debug, PartialEq)]
        pub enum IdxValues {
            $($(#[$doc])* $variant(Vec<$element>),)*
        }

        impl IdxValues {
            /// How many values there are.
            pub fn len(&self) -> usize {
                match self { $(IdxValues::$variant(values) => values.len(),)* }
            }

            /// The values one by one as `f64`, which holds each of the six types exactly.
            pub fn as_f64(&self) -> Box<dyn Iterator<Item = f64> + '_> {
                match self { $(IdxValues::$variant(values) => Box::new(values.iter().map(|&x| f64::from(x))),)* }
            }

            /// The bytes of one value.
            fn width(&self) -> usize {
                match self { $(IdxValues::$variant(_) => size_of::<$element>(),)* }
            }

            /// The byte that stands for the type in the header.
            fn code(&self) -> u8 {
                match self { $(IdxValues::$variant(_) => $code,)* }
            }

            /// The bytes of one value of the type that a header's byte stands for.
            fn width_of(code: u8) -> Option<usize> {
                match code { $($code => Some(size_of::<$element>()),)* _ => None }
            }

            /// The values in big-endian `bytes`, or `None` if the code stands for no type.
            fn decode(code: u8, bytes: &[u8]) -> Option<IdxValues> {
                match code {
                    $($code => {
                        let (values, _) = bytes.as_chunks();
                        Some(IdxValues::$variant(values.iter().map(|&value| $element::from_be_bytes(value)).collect()))
                    })*
                    _ => None,
                }
            }

            fn encode(&self, bytes: &mut Vec<u8>) {
                match self { $(IdxValues::$variant(all) => bytes.extend(all.iter().flat_map(|x| x.to_be_bytes())),)* }
            }
        }
    };
}

elements! {
    /// Type 08, which MNIST uses for pixels and labels alike.
    U8(u8) = 0x08,
    /// Type 09.
    I8(i8) = 0x09,
    /// Type 0B.
    I16(i16) = 0x0B,
    /// Type 0C.
    I32(i32) = 0x0C,
    /// Type 0D.
    F32(f32) = 0x0D,
    /// Type 0E.
    F64(f64) = 0x0E,
}

impl IdxValues {
    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An array of numbers in the IDX format:
///
/// | bytes | content |
/// |---|---|
/// | 0 and 1 | 0 |
/// | 2 | the element type: 08 `u8`, 09 `i8`, 0B `i16`, 0C `i32`, 0D `f32`, 0E `f64` |
/// | 3 | the number of axes, r |
/// | 4 to 3 + 4r | the axes' lengths, big-endian `u32`, outermost first |
/// | from 4 + 4r | the values, big-endian, row-major |
///
/// ```
/// use tandem_nn::data::{Idx, IdxValues};
/// let idx = Idx { shape: vec![2, 3], values: IdxValues::U8(vec![1, 2, 3, 4, 5, 6]) };
/// let bytes = idx.encode();
/// assert_eq!(bytes, [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]);
/// assert_eq!(Idx::parse(&bytes, "example")?, idx);
/// # Ok::<(), tandem_nn::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Idx {
    /// The lengths of the axes, outermost first. Without axes there is a single value.
    pub shape: Vec<usize>,
    /// The values in row-major order, as many as the product of `shape`.
    pub values: IdxValues,
}

impl Idx {
    /// The array in a file, plain or gzipped. Which of the two is told by the first two bytes (1F 8B
    /// in a gzip file), not by the name.
    ///
    /// Memory grows with what the file really holds, never with what its header claims, and reading
    /// stops one byte after the promised end, however much a gzip stream would go on to unfold.
    ///
    /// # Errors
    /// [`DataError::Open`] and [`DataError::Read`], and those of [`Idx::parse`].
    ///
    /// ```
    /// use tandem_nn::data::Idx;
    /// # let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data");
    /// let images = Idx::read(format!("{directory}/optdigits-images-idx3-ubyte"))?;
    /// assert_eq!(images.shape, [1797, 8, 8]);
    /// # Ok::<(), tandem_nn::data::DataError>(())
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<Idx, DataError> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|cause| DataError::Open { path: path.into(), cause })?;
        let mut content = content(file, path)?;
        let mut bytes = Vec::new();
        append(&mut bytes, &mut content, Header::LONGEST, path)?;
        let header = Header::parse(&bytes, path)?;
        // The byte too many is how a file that goes on is noticed. In a gzip stream it also brings
        // the decoder to the checksum, which it compares only at the end.
        let wanted = header.end().saturating_add(1).saturating_sub(bytes.len() as u64);
        append(&mut bytes, &mut content, wanted, path)?;
        Idx::parse(&bytes, path)
    }

    /// The array in `bytes`, the whole content of a file. The path only names the file in messages.
    ///
    /// ```
    /// use tandem_nn::data::{Idx, IdxValues};
    /// let bytes = [0, 0, 0x0B, 1, 0, 0, 0, 2, 0xFF, 0xFE, 1, 0x2C];              // two i16
    /// assert_eq!(Idx::parse(&bytes, "example")?, Idx { shape: vec![2], values: IdxValues::I16(vec![-2, 300]) });
    /// assert!(Idx::parse(&bytes[..11], "example").is_err());
    /// # Ok::<(), tandem_nn::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::Format`] if the header is not that of an IDX file, or if there are fewer or more
    /// bytes than it promises.
    pub fn parse(bytes: &[u8], path: impl AsRef<Path>) -> Result<Idx, DataError> {
        let path = path.as_ref();
        let header = Header::parse(bytes, path)?;
        let data = &bytes[header.data()..];
        if (data.len() as u64) < header.promised() {
            let expected = format!("{:?} values of {}", header.shape, counted(header.width));
            return Err(format(path, "data", header.data(), expected, counted(data.len())));
        }
        if data.len() as u64 > header.promised() {
            // The offset fits, because the promised bytes are all there.
            return Err(format(path, "data's end", header.end() as usize, "the end of the file", "more bytes"));
        }
        let values = IdxValues::decode(header.code, data).ok_or_else(|| unknown_type(header.code, path))?;
        Ok(Idx { shape: header.shape, values })
    }

    /// The array as the content of a file, so that `Idx::parse(&idx.encode(), path)` gives it back.
    ///
    /// ```
    /// use tandem_nn::data::{Idx, IdxValues};
    /// let number = Idx { shape: vec![], values: IdxValues::F32(vec![1.0]) };     // no axes
    /// assert_eq!(number.encode(), [0, 0, 0x0D, 0, 0x3F, 0x80, 0, 0]);
    /// ```
    ///
    /// # Panics
    /// If the product of `shape` is not the number of values, or if the header cannot express the
    /// shape: more than 255 axes, or one longer than a `u32`.
    pub fn encode(&self) -> Vec<u8> {
        let count = self.shape.iter().fold(1, |product: usize, &size| product.saturating_mul(size));
        assert!(count == self.values.len(), "shape {:?} has {count} values, found {}", self.shape, self.values.len());
        let rank = u8::try_from(self.shape.len()).expect("an IDX file has at most 255 axes");
        let mut bytes = vec![0, 0, self.values.code(), rank];
        for &size in &self.shape {
            let size = u32::try_from(size).expect("an axis of an IDX file is no longer than a u32");
            bytes.extend(size.to_be_bytes());
        }
        self.values.encode(&mut bytes);
        bytes
    }

    /// Where the value with this index begins in the file.
    pub(super) fn offset(&self, index: usize) -> usize {
        4 + 4 * self.shape.len() + index * self.values.width()
    }
}

/// What stands before the data.
struct Header {
    code: u8,
    /// The bytes of one value.
    width: usize,
    shape: Vec<usize>,
}

impl Header {
    /// The bytes of a header with the most axes there can be.
    const LONGEST: u64 = 4 + 4 * 255;

    fn parse(bytes: &[u8], path: &Path) -> Result<Header, DataError> {
        let Some((&[first, second, code, rank], rest)) = bytes.split_first_chunk() else {
            return Err(format(path, "header", 0, "4 bytes", counted(bytes.len())));
        };
        if [first, second] != [0, 0] {
            return Err(format(path, "header", 0, "00 00", format!("{first:02X} {second:02X}")));
        }
        let width = IdxValues::width_of(code).ok_or_else(|| unknown_type(code, path))?;
        let rank = usize::from(rank);
        let Some(sizes) = rest.get(..4 * rank) else {
            return Err(format(path, "sizes", 4, counted(4 * rank), counted(rest.len())));
        };
        let shape = sizes.as_chunks().0.iter().map(|&size| u32::from_be_bytes(size) as usize).collect();
        Ok(Header { code, width, shape })
    }

    /// Where the data begins.
    fn data(&self) -> usize {
        4 + 4 * self.shape.len()
    }

    /// How many bytes of data the header promises, or `u64::MAX` if that is too many for a `u64`:
    /// either way more than there can be. An axis of length 0 makes the product 0 wherever it stands.
    fn promised(&self) -> u64 {
        self.shape.iter().fold(self.width as u64, |product, &size| product.saturating_mul(size as u64))
    }

    /// Where the data ends.
    fn end(&self) -> u64 {
        self.promised().saturating_add(self.data() as u64)
    }
}

/// The content of a file, decompressed if it begins like a gzip file.
fn content(mut file: File, path: &Path) -> Result<Box<dyn Read>, DataError> {
    let mut magic = Vec::new();
    append(&mut magic, &mut file, 2, path)?;
    let zipped = magic == [0x1F, 0x8B];
    let whole = Cursor::new(magic).chain(file);
    // A gzip file may consist of several streams; the decoder for one would ignore the others.
    Ok(if zipped { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

/// Appends up to `count` bytes of a source, fewer only if it ends.
fn append(bytes: &mut Vec<u8>, source: &mut impl Read, count: u64, path: &Path) -> Result<(), DataError> {
    let read = source.take(count).read_to_end(bytes);
    read.map_err(|cause| DataError::Read { path: path.into(), offset: bytes.len() as u64, cause })?;
    Ok(())
}

fn counted(bytes: usize) -> String {
    if bytes == 1 { "1 byte".into() } else { format!("{bytes} bytes") }
}

fn unknown_type(code: u8, path: &Path) -> DataError {
    format(path, "element type", 2, "08, 09, 0B, 0C, 0D or 0E", format!("{code:02X}"))
}

/// A complaint about a field of the file.
pub(super) fn format(
    path: &Path,
    field: &'static str,
    offset: usize,
    expected: impl Into<String>,
    found: impl Into<String>,
) -> DataError {
    DataError::Format {
        path: path.into(),
        field,
        offset: offset as u64,
        expected: expected.into(),
        found: found.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// What reading a file of these bytes gives, or the message with the directory taken out.
    fn read(bytes: &[u8]) -> Result<Idx, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        Idx::read(&path).map_err(|error| error.to_string().replace(path.to_str().unwrap(), "file"))
    }

    #[test]
    fn every_type_survives_a_round_trip_plain_and_gzipped() {
        let all = [
            IdxValues::U8(vec![0, 1, 16, 127, 128, 255]),
            IdxValues::I8(vec![0, 1, -1, 7, i8::MIN, i8::MAX]),
            IdxValues::I16(vec![0, 1, -1, 258, i16::MIN, i16::MAX]),
            IdxValues::I32(vec![0, 1, -1, 65_539, i32::MIN, i32::MAX]),
            IdxValues::F32(vec![0.0, 1.5, -0.1, f32::MIN_POSITIVE, f32::MAX, f32::INFINITY]),
            IdxValues::F64(vec![0.0, 1.5, -0.1, f64::MIN_POSITIVE, f64::MAX, f64::NEG_INFINITY]),
        ];
        for values in all {
            for shape in [vec![6], vec![2, 3], vec![1, 3, 2, 1]] {
                let idx = Idx { shape, values: values.clone() };
                let bytes = idx.encode();
                assert_eq!(idx.offset(6), bytes.len());
                assert_eq!(read(&bytes).as_ref(), Ok(&idx));
                assert_eq!(read(&gzip(&bytes)).as_ref(), Ok(&idx));
                // Two gzip streams behind each other are one file.
                let (front, back) = bytes.split_at(9);
                assert_eq!(read(&[gzip(front), gzip(back)].concat()).as_ref(), Ok(&idx));
            }
        }
    }

    #[test]
    fn arrays_without_axes_without_values_and_around_the_first_read_are_read() {
        let scalar = Idx { shape: vec![], values: IdxValues::F64(vec![2.5]) };
        assert_eq!(read(&scalar.encode()), Ok(scalar));
        // The product would overflow if it were not 0.
        let empty = Idx {
            shape: vec![u32::MAX as usize, u32::MAX as usize, u32::MAX as usize, 0],
            values: IdxValues::I16(vec![]),
        };
        assert!(empty.values.is_empty());
        assert_eq!(read(&empty.encode()), Ok(empty));
        for count in 1010..1020 {
            let idx = Idx { shape: vec![count], values: IdxValues::U8((0..count).map(|i| i as u8).collect()) };
            assert_eq!(read(&idx.encode()).as_ref(), Ok(&idx), "{count}");
            assert_eq!(read(&gzip(&idx.encode())), Ok(idx), "{count}");
        }
    }

    #[test]
    fn broken_files_are_refused_with_what_is_wrong() {
        let table: [(&[u8], &str); 11] = [
            (&[], "header at byte 0: expected 4 bytes, found 0 bytes"),
            (&[0, 0, 8], "header at byte 0: expected 4 bytes, found 3 bytes"),
            (b"\x89PNG", "header at byte 0: expected 00 00, found 89 50"),
            (&[0, 0, 0x0A, 1], "element type at byte 2: expected 08, 09, 0B, 0C, 0D or 0E, found 0A"),
            (&[0, 0, 8, 3, 0, 0, 0, 1, 0], "sizes at byte 4: expected 12 bytes, found 5 bytes"),
            (&[0, 0, 8, 1, 0, 0, 0, 2, 7], "data at byte 8: expected [2] values of 1 byte, found 1 byte"),
            (&[0, 0, 11, 1, 0, 0, 0, 2, 7, 7, 7], "data at byte 8: expected [2] values of 2 bytes, found 3 bytes"),
            (&[0, 0, 14, 0], "data at byte 4: expected [] values of 8 bytes, found 0 bytes"),
            // The product is 2⁶⁴ here, which wraps to 0, and would be a request for 17 GB in the next row.
            (
                &[0, 0, 8, 3, 128, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 4],
                "data at byte 16: expected [2147483648, 2147483648, 4] values of 1 byte, found 0 bytes",
            ),
            (&[0, 0, 14, 1, 128, 0, 0, 0, 1], "data at byte 8: expected [2147483648] values of 8 bytes, found 1 byte"),
            (&[0, 0, 8, 1, 0, 0, 0, 1, 7, 7], "data's end at byte 9: expected the end of the file, found more bytes"),
        ];
        for (bytes, message) in table {
            assert_eq!(read(bytes), Err(format!("file: {message}")));
            assert_eq!(read(&gzip(bytes)), Err(format!("file: {message}")), "gzipped");
        }
    }

    #[test]
    fn broken_gzip_streams_are_refused() {
        let whole = Idx { shape: vec![3000], values: IdxValues::U8((0..3000).map(|i| ((i * i) >> 3) as u8).collect()) };
        let zipped = gzip(&whole.encode());
        for length in 2..zipped.len() {
            let message = read(&zipped[..length]).unwrap_err();
            assert!(message.starts_with("file: cannot be read past byte "), "{length}: {message}");
        }
        // The last eight bytes are the checksum and the length.
        let mut corrupt = zipped.clone();
        *corrupt.iter_mut().nth_back(7).unwrap() ^= 1;
        for bytes in [corrupt, [&zipped[..], b"rest"].concat()] {
            // What follows is the decoder's wording.
            let message = read(&bytes).unwrap_err();
            assert!(message.starts_with("file: cannot be read past byte 3008: "), "{message}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("absent");
        let cause = File::open(&path).unwrap_err();
        let message = Idx::read(&path).unwrap_err().to_string();
        assert_eq!(message, format!("{}: cannot be opened: {cause}", path.display()));
    }
}
