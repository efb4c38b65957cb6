#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graft/base/files.h"

namespace graft::data {

/// The regular files of a tar or tar.gz, indexed once. The bytes of a plain tar stay in the file,
/// which is mapped; those of a compressed one are kept in memory.
class Archive {
 public:
  struct Member {
    std::string path;  ///< raw bytes, relative, without "." and ".."
    std::span<const uint8_t> bytes;
  };

  /// `keep(path)` says whose bytes are wanted; the others are in `members` with an empty span.
  /// Errors (exit code 3): damage, truncation, paths that leave the archive, members above
  /// kMaxMember bytes, more than kMaxMembers of them, unpacked bytes above `max_bytes`.
  Archive(const std::filesystem::path& path, const std::function<bool(const std::string&)>& keep,
          int64_t max_bytes);

  const std::vector<Member>& members() const { return members_; }
  const std::vector<std::string>& folders() const { return folders_; }
  int64_t links() const { return links_; }  ///< links and devices, which are not followed

  static constexpr int64_t kMaxMember = int64_t{1} << 30;
  static constexpr int64_t kMaxMembers = 20'000'000;

 private:
  struct Reader;
  void add(Reader& reader, void* entry, const std::function<bool(const std::string&)>& keep);
  std::span<const uint8_t> content(Reader& reader, int64_t size, const std::string& name);
  uint8_t* room(size_t bytes);

  MappedFile file_;
  std::string where_;
  int64_t left_;  // of max_bytes
  std::vector<Member> members_;
  std::vector<std::string> folders_;
  int64_t links_ = 0;
  std::vector<std::unique_ptr<uint8_t[]>> chunks_;
  size_t chunk_left_ = 0;
  uint8_t* chunk_at_ = nullptr;
};

}  // namespace graft::data
