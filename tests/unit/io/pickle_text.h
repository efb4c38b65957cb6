#pragma once

#include <cstdint>
#include <span>
#include <string>

/// Writes pickles and files of torch.save by hand, so that they can lie.
namespace graft::io::test_pickle {

inline std::string raw(const void* data, size_t bytes) {
  return {static_cast<const char*>(data), bytes};
}
template <typename T>
std::string little(T value) {
  return raw(&value, sizeof value);
}
inline std::string text(const std::string& value) {
  return "X" + little(static_cast<uint32_t>(value.size())) + value;
}
inline std::string integer(int64_t value) {
  return "\x8a\x08" + little(value);
}
inline std::string tuple(const std::string& items) {
  return "(" + items + "t";
}
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string pickle(const std::string& body) {
  return "\x80\x02" + body + ".";
}
inline std::string dict(const std::string& items) {
  return "}(" + items + "u";
}
inline std::string ordered_dict() {
  return global("collections", "OrderedDict") + ")R";
}

/// The reference to a storage, as torch.save writes it.
inline std::string storage(const std::string& key, int64_t elements,
                           const std::string& type = "FloatStorage", const std::string& more = "") {
  return tuple(text("storage") + global("torch", type) + text(key) + text("cpu") +
               integer(elements) + more) +
         "Q";
}
inline std::string numbers(const std::initializer_list<int64_t>& values) {
  std::string items;
  for (const int64_t value : values) items += integer(value);
  return tuple(items);
}
inline std::string tensor(const std::string& from, int64_t offset,
                          const std::initializer_list<int64_t>& sizes,
                          const std::initializer_list<int64_t>& strides) {
  return global("torch._utils", "_rebuild_tensor_v2") +
         tuple(from + integer(offset) + numbers(sizes) + numbers(strides) + "\x89" +
               ordered_dict()) +
         "R";
}

/// A legacy file: the object, the keys, then `data` (lengths and values).
inline std::string legacy(const std::string& object, const std::string& keys,
                          const std::string& data) {
  return pickle("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") + pickle("M\xe9\x03") +
         pickle(dict(text("little_endian") + "\x88")) + pickle(object) + pickle("](" + keys + "e") +
         data;
}
/// One storage "0" of `elements` floats 0, 1, 2 …, and the object that uses it.
inline std::string legacy_floats(const std::string& object, int64_t elements) {
  std::string data = little(elements);
  for (int64_t i = 0; i < elements; ++i) data += little(static_cast<float>(i));
  return legacy(object, text("0"), data);
}

inline std::span<const uint8_t> bytes_of(const std::string& file) {
  return {reinterpret_cast<const uint8_t*>(file.data()), file.size()};
}

}  // namespace graft::io::test_pickle
