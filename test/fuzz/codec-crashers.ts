/**
 * Messages that did harm once, to this codec or to others that decode bytes, by the name of what they did.
 *
 * Whoever finds another one adds it here: the fuzzer starts from them, and a test reads each with and without limits.
 */
export const CRASHERS: Readonly<Record<string, string>> = {
  // v8.deserialize(): fifteen bytes for an array over which every loop hangs.
  'array of 4 294 967 295 holes': '00cfffffffff0fd1ffffffff0f',
  'array of 4 294 967 295 holes and an item at its end': '00cfffffffff0fd1feffffff0f05',
  'array of 4 294 967 295 items of which there is one': '00cfffffffff0f05',
  // v8.deserialize() throws, and takes the listener with it.
  'error that is its own cause': '01dc454572726f72c001454361757365de0000',
  'error that is its own stack': '01dc454572726f72de0000',
  // v8.Deserializer.readDouble() read behind the end of an empty buffer: nodejs/node#37978.
  'double without bytes': '00c6',
  'date without bytes': '00d4',
  'double with seven bytes': '00c601020304050607',
  'bytes of 2^53 - 1': '00d8ffffffffffffff0f',
  'array buffer of 4 GiB': '00d68080808010',
  'text of 2^52 characters': '00ca8080808080808008',
  'set of 2^53 - 1': '00d3ffffffffffffff0f',
  'shape with 2^53 - 1 keys': '00cb08ffffffffffffff0f',
  'bigint of no digits': '00c80000',
  'bigint of 2^53 - 1 digits': '00c800ffffffffffffff0f',
  'reference to an object that is not there yet': '01cf02de0500',
  'reference to the box it stands in': '01d9de00',
  'map with itself as key': '01d201de0001',
  'set with itself': '01d301de00',
  'own __proto__': '00cd01495f5f70726f746f5f5fcd01416105',
  'shape with __proto__': '00cb0b01495f5f70726f746f5f5f05',
  'shape with the same key twice': '00cb0502416141610102',
  'property of an error named __proto__': '00dc454572726f72c002495f5f70726f746f5f5f0500',
  'error of the class Object': '00dc464f626a656374c000',
  'error of the class __proto__': '00dc495f5f70726f746f5f5fc000',
  'regular expression with flags that repeat': '00d54161426767',
  'regular expression that never ends': '00d54628612b292b2440',
  'URL that is none': '00da4128',
  'view of a kind that is not there': '00d77f00',
  'Float64Array of three bytes': '00d70803010101',
  'run of numbers longer than its array': '00cf01df000401020304',
  'run of numbers outside an array': '00df000101',
  'run of doubles cut short': '00cf08df03080000',
  'run of texts without their text': '00cf04e004ffffffff',
  'run of holes in a run of numbers': '00cf09df0002d101d106',
  'extension that nobody has': '00dd3f',
  'flags of another version': 'ff00',
  'nothing at all': '',
};
