#include "graft/io/pickle.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "graft/base/error.h"

namespace graft::io {
namespace {

constexpr size_t kMaxNodes = size_t{1} << 22;
constexpr size_t kMaxSteps = size_t{1} << 24;
constexpr size_t kMaxNameBytes = 1000;
constexpr uint32_t kUnset = 0xffffffff;

}  // namespace

/// The stack machine of pickletools, less everything that could run code. It never recurses, so
/// nesting costs no stack; nodes live in one list, so neither depth nor cycles matter when freed.
class PickleReader {
 public:
  using Ref = Pickle::Ref;
  using Kind = Pickle::Kind;

  PickleReader(Pickle& out, std::span<const uint8_t> bytes, const std::string& where,
               const Pickle::Allowed& allowed)
      : out_(out), bytes_(bytes), where_(where), allowed_(allowed) {}

  void read() {
    while (!step()) {
      if (++steps_ > kMaxSteps) refuse("it has too many steps");
    }
    out_.root_ = pop();
    out_.length_ = at_;
  }

 private:
  [[noreturn]] void refuse(const std::string& problem) const {
    fail_unreadable("{}: its pickle cannot be read: {} (at byte {} of the pickle)", where_, problem,
                    at_);
  }

  std::string_view take(uint64_t bytes) {
    if (bytes > bytes_.size() - at_) refuse("it is cut off, or a length in it is wrong");
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + at_, bytes);
    at_ += bytes;
    return text;
  }

  template <typename T>
  T number() {
    T value;
    const std::string_view bytes = take(sizeof value);
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }

  std::string_view line() {
    const auto* begin = bytes_.data() + at_;
    const auto* end =
        at_ == bytes_.size()
            ? nullptr
            : static_cast<const uint8_t*>(std::memchr(begin, '\n', bytes_.size() - at_));
    if (!end) refuse("it is cut off");
    const std::string_view text = take(static_cast<size_t>(end - begin));
    ++at_;
    return text;
  }

  Ref make(Kind kind) {
    if (out_.nodes_.size() == kMaxNodes) refuse("it holds too many values");
    out_.nodes_.emplace_back().kind = kind;
    return static_cast<Ref>(out_.nodes_.size() - 1);
  }
  Pickle::Node& node(Ref ref) { return out_.nodes_[ref]; }

  void push(Ref ref) { stack_.push_back(ref); }
  void push(Kind kind) { push(make(kind)); }
  void push_integer(int64_t value, Kind kind = Kind::integer) {
    push(kind);
    node(stack_.back()).integer = value;
  }
  void push_text(Kind kind, std::string_view text) {
    push(kind);
    node(stack_.back()).text = text;
  }
  void push_items(Kind kind, std::vector<Ref> items) {
    push(kind);
    node(stack_.back()).items = std::move(items);
  }

  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Ref top() const {
    if (stack_.size() <= floor()) refuse("it takes from an empty stack");
    return stack_.back();
  }
  Ref pop() {
    const Ref ref = top();
    stack_.pop_back();
    return ref;
  }
  std::vector<Ref> pop_many(size_t count) {
    if (stack_.size() - floor() < count) refuse("it takes from an empty stack");
    std::vector<Ref> items(stack_.end() - static_cast<ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }
  std::vector<Ref> pop_to_mark() {
    if (marks_.empty()) refuse("a mark is missing");
    std::vector<Ref> items = pop_many(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }

  /// Adds to the container on top of the stack.
  void add(Kind kind, const std::vector<Ref>& items) {
    Pickle::Node& target = node(top());
    if (target.kind != kind) refuse("it adds items to what is not a container");
    if (kind == Kind::dict && items.size() % 2 != 0) refuse("a key has no value");
    target.items.insert(target.items.end(), items.begin(), items.end());
  }

  void remember(size_t place) {
    if (place >= kMaxNodes) refuse("it remembers too many values");
    if (place >= memo_.size()) memo_.resize(std::max(place + 1, memo_.size() * 2), kUnset);
    memo_[place] = top();
    remembered_ = std::max(remembered_, place + 1);
  }
  void recall(size_t place) {
    if (place >= memo_.size() || memo_[place] == kUnset) refuse("it recalls what it never stored");
    push(memo_[place]);
  }

  void push_long(std::string_view digits) {
    if (digits.size() > sizeof(int64_t)) return push_text(Kind::bytes, digits);
    const bool negative = !digits.empty() && static_cast<uint8_t>(digits.back()) >= 0x80;
    int64_t value = negative ? -1 : 0;
    std::memcpy(&value, digits.data(), digits.size());
    push_integer(value);
  }

  void push_global(std::string_view module, std::string_view name) {
    if (module.size() + name.size() > kMaxNameBytes) refuse("the name of a class is too long");
    std::string full = std::string(module) + "." + std::string(name);
    if (!allowed_(full)) {
      fail_unreadable(
          "{}: its pickle names {}, which is neither a tensor nor a plain container; graft reads "
          "weights only and has not executed it. Save the state_dict alone, for instance with "
          "safetensors.torch.save_file(model.state_dict(), \"model.safetensors\")",
          where_, full);
    }
    push(Kind::global);
    node(stack_.back()).text = out_.names_.emplace_back(std::move(full));
  }

  void reduce() {
    const Ref arguments = pop(), callable = pop();
    if (node(callable).kind != Kind::global || node(arguments).kind != Kind::tuple) {
      refuse("it calls what is not a named function; not executed");
    }
    if (node(callable).text == "collections.OrderedDict") return push_ordered_dict(arguments);
    push_items(Kind::call, {callable, arguments});
  }

  /// Python 2 gave the items as an argument, a list of pairs; Python 3 adds them afterwards.
  void push_ordered_dict(Ref arguments) {
    std::vector<Ref> items;
    if (!node(arguments).items.empty()) {
      const Pickle::Node& pairs = node(node(arguments).items[0]);
      if (pairs.kind != Kind::list || node(arguments).items.size() != 1) {
        refuse("an OrderedDict is made of something unknown");
      }
      for (const Ref ref : pairs.items) {
        const Pickle::Node& pair = node(ref);
        if ((pair.kind != Kind::list && pair.kind != Kind::tuple) || pair.items.size() != 2) {
          refuse("an OrderedDict is made of something other than pairs");
        }
        items.insert(items.end(), pair.items.begin(), pair.items.end());
      }
      copied_ += items.size();  // one long list may be the argument of many calls
      if (copied_ > kMaxSteps) refuse("it copies too many values");
    }
    push_items(Kind::dict, std::move(items));
  }

  /// Executes one opcode; true at the end of the pickle.
  bool step() {
    const uint8_t code = number<uint8_t>();
    switch (code) {
      case 0x80: {  // PROTO
        const int protocol = number<uint8_t>();
        if (protocol < 2 || protocol > 5) refuse(fmt::format("its protocol is {}", protocol));
        break;
      }
      case 0x95:
        take(8);
        break;  // FRAME
      case '.':
        return true;
      case '(':
        marks_.push_back(stack_.size());
        break;
      case '0':
        pop();
        break;
      case '1':
        pop_to_mark();
        break;
      case '2':
        push(top());
        break;
      case 'N':
        push(Kind::none);
        break;
      case 0x88:
        push_integer(1, Kind::boolean);
        break;
      case 0x89:
        push_integer(0, Kind::boolean);
        break;
      case 'J':
        push_integer(number<int32_t>());
        break;
      case 'K':
        push_integer(number<uint8_t>());
        break;
      case 'M':
        push_integer(number<uint16_t>());
        break;
      case 0x8a:
        push_long(take(number<uint8_t>()));
        break;
      case 0x8b:
        push_long(take(number<uint32_t>()));
        break;
      case 'G':
        push(Kind::real);
        node(stack_.back()).real = std::bit_cast<double>(__builtin_bswap64(number<uint64_t>()));
        break;
      case 'X':
        push_text(Kind::text, take(number<uint32_t>()));
        break;
      case 0x8c:
        push_text(Kind::text, take(number<uint8_t>()));
        break;
      case 0x8d:
        push_text(Kind::text, take(number<uint64_t>()));
        break;
      case 'T':
        push_text(Kind::text, take(number<uint32_t>()));
        break;
      case 'U':
        push_text(Kind::text, take(number<uint8_t>()));
        break;
      case 'B':
        push_text(Kind::bytes, take(number<uint32_t>()));
        break;
      case 'C':
        push_text(Kind::bytes, take(number<uint8_t>()));
        break;
      case 0x8e:
        push_text(Kind::bytes, take(number<uint64_t>()));
        break;
      case ']':
        push(Kind::list);
        break;
      case 'a':
        add_one(Kind::list, 1);
        break;
      case 'e':
        add_marked(Kind::list);
        break;
      case ')':
        push(Kind::tuple);
        break;
      case 't':
        push_items(Kind::tuple, pop_to_mark());
        break;
      case 0x85:
        push_items(Kind::tuple, pop_many(1));
        break;
      case 0x86:
        push_items(Kind::tuple, pop_many(2));
        break;
      case 0x87:
        push_items(Kind::tuple, pop_many(3));
        break;
      case '}':
        push(Kind::dict);
        break;
      case 's':
        add_one(Kind::dict, 2);
        break;
      case 'u':
        add_marked(Kind::dict);
        break;
      case 'h':
        recall(number<uint8_t>());
        break;
      case 'j':
        recall(number<uint32_t>());
        break;
      case 'q':
        remember(number<uint8_t>());
        break;
      case 'r':
        remember(number<uint32_t>());
        break;
      case 0x94:
        remember(remembered_);
        break;
      case 'c': {
        const std::string_view module = line();
        push_global(module, line());
        break;
      }
      case 0x93: {
        const Ref name = pop(), module = pop();
        if (node(name).kind != Kind::text || node(module).kind != Kind::text) {
          refuse("a global is named by something other than text");
        }
        push_global(node(module).text, node(name).text);
        break;
      }
      case 'R':
        reduce();
        break;
      case 'b':  // attributes of a dict, such as state_dict's _metadata: no weights
        pop();
        if (node(top()).kind != Kind::dict) refuse("it gives attributes to an object");
        break;
      case 'Q':
        push_items(Kind::persistent, pop_many(1));
        break;
      default:
        refuse(fmt::format("the operation 0x{:02x} is not one that torch.save writes", code));
    }
    return false;
  }

  void add_one(Kind kind, size_t count) {
    const std::vector<Ref> items = pop_many(count);
    add(kind, items);
  }
  void add_marked(Kind kind) {
    const std::vector<Ref> items = pop_to_mark();
    add(kind, items);
  }

  Pickle& out_;
  std::span<const uint8_t> bytes_;
  const std::string& where_;
  const Pickle::Allowed& allowed_;
  std::vector<Ref> stack_, memo_;
  std::vector<size_t> marks_;
  size_t at_ = 0, steps_ = 0, remembered_ = 0, copied_ = 0;
};

Pickle::Pickle(std::span<const uint8_t> bytes, const std::string& where, const Allowed& allowed) {
  PickleReader(*this, bytes, where, allowed).read();
}

}  // namespace graft::io
