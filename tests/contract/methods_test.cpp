#include <ATen/CPUGeneratorImpl.h>
#include <torch/types.h>

#include <algorithm>
#include <map>
#include <set>

#include "graft/base/error.h"
#include "graft/io/safetensors.h"
#include "graft/models/load.h"
#include "graft/models/outlook.h"
#include "graft/nn/conv.h"
#include "graft/nn/embedding.h"
#include "graft/peft/attach.h"
#include "graft/peft/hf_format.h"
#include "tests/support/support.h"

/// What every method promises, whatever it is: a new line of methods.def is held to it without a
/// new test.
namespace graft {
namespace {

/// Detectors of Darknet, by their .cfg.
const std::vector<std::string> kDetectors = {"fastest", "v4"};
const std::vector<std::string> kFamilies = {"vit",         "resnet_basic", "mobilenet_v2_tf",
                                            "convnext",    "dinov2",       "bert",
                                            kDetectors[0], kDetectors[1]};

bool is_detector(const std::string& name) {
  return std::ranges::find(kDetectors, name) != kDetectors.end();
}

std::filesystem::path folder_of(const std::string& name) {
  return test::source_dir() / "tests/golden" / (name == "bert" ? "text_models" : "models") / name;
}

std::filesystem::path darknet_file(const std::string& name, const char* ending) {
  return test::source_dir() / "tests/golden/darknet" / (name + ending);
}

std::unique_ptr<models::Model> load(const std::string& name) {
  models::ModelSource source;
  source.path = (is_detector(name) ? darknet_file(name, ".cfg") : folder_of(name)).string();
  source.task = models::named_task(source);
  return models::load_model(source).model;
}

/// What enters the chain: pictures, or texts one after the other.
nn::Flow inputs_of(const std::string& name) {
  if (is_detector(name)) {
    const io::SafetensorsReader golden(darknet_file(name, ".safetensors"));
    return {"pixels", golden.tensor("pixels").to(at::kFloat) / 255};
  }
  const io::SafetensorsReader golden(folder_of(name) / "golden.safetensors");
  if (name != "bert") return {"pixels", golden.tensor("pixels")};
  const at::Tensor there = golden.tensor("attention_mask").to(at::kBool);
  nn::Flow flow("ids", golden.tensor("input_ids").masked_select(there));
  flow["lengths"] = there.sum(1);
  return flow;
}

/// What the chain ends with: logits, or all maps of a detector one after the other.
at::Tensor logits_of(models::Model& model, const nn::Flow& inputs, bool training = false) {
  const at::NoGradGuard no_grad;
  nn::Context context;
  context.training = training;
  context.generator = at::make_generator<at::CPUGeneratorImpl>(4);
  const nn::Flow end = model.forward(inputs, context);
  if (end.has("logits")) return end.at("logits");
  std::vector<at::Tensor> maps;
  for (const auto& [name, map] : end.tensors()) maps.push_back(map.flatten());
  return at::cat(maps);
}

double gap(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}
double size_of(const at::Tensor& a) {
  return std::max(1.0, a.abs().max().item<double>());
}

bool has_option(const peft::Method& method, const std::string& name) {
  return std::any_of(method.options.begin(), method.options.end(),
                     [&](const Option& o) { return o.name == name; });
}

/// The method's defaults, with a rank that suits the small golden models.
peft::Choice choose(const peft::Method& method, Json options = Json::object()) {
  if (has_option(method, "r") && !options.contains("r")) options["r"] = 2;
  options["name"] = method.name;
  return peft::parse_methods(options).front();
}

std::vector<std::pair<std::string, nn::NamedTensor>> adapter_tensors(nn::Registry& registry) {
  std::vector<std::pair<std::string, nn::NamedTensor>> tensors;
  for (nn::Seam* seam : registry.seams) {
    for (const auto& adapter : seam->adapters()) {
      for (const auto& tensor : adapter->parameters())
        tensors.emplace_back(seam->site().path, tensor);
    }
  }
  return tensors;
}

/// Adds noise of the size that training leaves, the same for the same name and shape.
void stir(nn::Registry& registry, double size) {
  const at::NoGradGuard no_grad;
  const nn::Init init(77);
  for (const auto& [path, tensor] : adapter_tensors(registry)) {
    at::Tensor noise = at::empty_like(*tensor.value);
    init.normal(path + "." + tensor.name, noise, size);
    tensor.value->add_(noise);
  }
}

/// How many numbers that are there already the method trains.
int64_t selected_numbers(const nn::Registry& registry, const peft::Choice& choice) {
  int64_t selected = 0;
  for (const auto& parameter : registry.parameters) {
    if (!choice.method->selects || !choice.method->selects(parameter, choice.options)) continue;
    EXPECT_FALSE(parameter.is_buffer()) << parameter.name;
    selected += parameter.value->numel();
  }
  return selected;
}

struct Tested {
  const peft::Method* method;
  std::string family;
};
// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for.
void PrintTo(const Tested& tested, std::ostream* out) {
  *out << tested.method->name << " on " << tested.family;
}

class MethodOnFamily : public testing::TestWithParam<Tested> {};

TEST_P(MethodOnFamily, AtTheStartNothingChanges) {
  const auto& [method, family] = GetParam();
  auto model = load(family);
  const nn::Flow inputs = inputs_of(family);
  const at::Tensor before = logits_of(*model, inputs);
  const int layers = peft::attach(model->registry(), {choose(*method)}, model->head(), nn::Init(1));
  EXPECT_EQ(layers > 0, static_cast<bool>(method->make));
  EXPECT_LE(gap(logits_of(*model, inputs), before), 1e-5 * size_of(before));
}

TEST_P(MethodOnFamily, MergedIsWhatAdaptedWas) {
  const auto& [method, family] = GetParam();
  auto model = load(family);
  const nn::Flow inputs = inputs_of(family);
  const at::Tensor before = logits_of(*model, inputs);
  peft::attach(model->registry(), {choose(*method)}, model->head(), nn::Init(1));
  stir(model->registry(), 0.1);
  const at::Tensor adapted = logits_of(*model, inputs);
  EXPECT_EQ(gap(adapted, before) > 1e-3, static_cast<bool>(method->make))
      << "gap " << gap(adapted, before);
  peft::merge_all(model->registry());
  EXPECT_TRUE(adapter_tensors(model->registry()).empty());
  EXPECT_LE(gap(logits_of(*model, inputs), adapted), 1e-5 * size_of(adapted));
}

TEST_P(MethodOnFamily, ItTrainsSomethingAndCountsIt) {
  const auto& [method, family] = GetParam();
  auto model = load(family);
  const int layers = peft::attach(model->registry(), {choose(*method)}, model->head(), nn::Init(1));
  int adapters = 0;
  std::set<const void*> storages;
  int64_t sum = 0;
  for (nn::Seam* seam : model->registry().seams) {
    adapters += static_cast<int>(seam->adapters().size());
    for (const auto& adapter : seam->adapters()) {
      EXPECT_LT(seam->site().block, model->head());
      EXPECT_EQ(adapter->method(), method->name);
      EXPECT_GT(adapter->flops(10), adapter->flops(5));
      std::set<std::string> names;
      for (const auto& tensor : adapter->parameters()) {
        EXPECT_TRUE(names.insert(tensor.name).second) << tensor.name << " stands there twice";
        EXPECT_TRUE(storages.insert(tensor.value->data_ptr()).second)
            << "two adapters share a tensor";
        EXPECT_EQ(tensor.value->scalar_type(), at::kFloat);
        EXPECT_TRUE(tensor.value->isfinite().all().item<bool>());
        sum += tensor.value->numel();
      }
    }
  }
  EXPECT_EQ(adapters, layers);
  int64_t expected = 0;
  if (method->name == "lora") {
    for (nn::Seam* seam : model->registry().seams) {
      const nn::Site site = seam->site();
      if (!seam->adapters().empty())
        expected += 2 * (site.in * site.kernel[0] * site.kernel[1] + site.out);
    }
    EXPECT_EQ(sum, expected);
  }
  const int64_t selected = selected_numbers(model->registry(), choose(*method));
  EXPECT_GT(sum + selected, 0) << "the method trains nothing";
  EXPECT_EQ(sum > 0, static_cast<bool>(method->make));
  // What adds tensors selects others only where it is asked to.
  EXPECT_EQ(selected > 0, method->selects && !method->make);
}

TEST_P(MethodOnFamily, TheFormOfPeftHoldsAllOfIt) {
  const auto& [method, family] = GetParam();
  const bool known = !method->peft_type.empty();
  EXPECT_EQ(known, static_cast<bool>(method->peft_serves));
  EXPECT_EQ(known, static_cast<bool>(method->peft_config));
  EXPECT_EQ(known, static_cast<bool>(method->peft_options));
  EXPECT_EQ(known, static_cast<bool>(method->peft_export));
  EXPECT_EQ(known, static_cast<bool>(method->peft_import));
  if (!known) return;
  auto model = load(family);
  const peft::Choice choice = choose(*method);
  peft::attach(model->registry(), {choice}, model->head(), nn::Init(1));
  stir(model->registry(), 0.1);
  const test::ScratchDir scratch;
  EXPECT_TRUE(peft::save_adapter(scratch.path(), model->registry(), choice, {}).left.empty());
  auto again = load(family);
  const auto attached = peft::attach_adapter(again->registry(), peft::load_adapter(scratch.path()));
  EXPECT_EQ(attached.choice.method->name, method->name);
  EXPECT_LE(gap(logits_of(*again, inputs_of(family)), logits_of(*model, inputs_of(family))), 1e-6);
}

/// All that an option can be seen by.
struct Observed {
  std::vector<double> numbers;
  bool operator==(const Observed&) const = default;
};

Observed observe(const peft::Method& method, const std::string& family, const Json& options) {
  Observed seen;
  auto model = load(family);
  const peft::Choice choice = choose(method, options);
  seen.numbers.push_back(peft::attach(model->registry(), {choice}, model->head(), nn::Init(1)));
  seen.numbers.push_back(static_cast<double>(selected_numbers(model->registry(), choice)));
  const auto note = [&seen](const at::Tensor& t) {
    const at::Tensor flat = t.to(at::kDouble).flatten();
    const at::Tensor weights = at::arange(1, flat.numel() + 1, flat.options());
    seen.numbers.push_back((flat * weights).sum().item<double>());
  };
  for (const auto& [path, tensor] : adapter_tensors(model->registry())) {
    seen.numbers.push_back(static_cast<double>(tensor.value->numel()));
    note(*tensor.value);
  }
  stir(model->registry(), 0.1);
  const nn::Flow inputs = inputs_of(family);
  note(logits_of(*model, inputs));
  note(logits_of(*model, inputs, true));
  return seen;
}

/// Other values that the option's record allows.
std::vector<Json> other_values(const Option& option, const Json& now) {
  std::vector<Json> values;
  switch (option.type) {
    case Option::Type::boolean:
      values.emplace_back(!now.get<bool>());
      break;
    case Option::Type::integer:
      values.emplace_back(now.get<int64_t>() + 1);
      break;
    case Option::Type::number:
      values.emplace_back(now.get<double>() / 2 + std::min(0.3, option.max.value_or(1) / 2));
      break;
    case Option::Type::text:
      for (const auto& choice : option.choices) {
        if (Json(choice) != now) values.emplace_back(choice);
      }
      break;
    case Option::Type::list:
      EXPECT_EQ(option.name, "modules_to_save") << "say here which values do something";
      values = {Json::array({"q_proj"})};
      break;
    default:
      // Where adapters sit: the only open option a method has.
      EXPECT_EQ(option.name, "target")
          << "say here which values show that the option does something";
      values = {"all", "all-linear", Json::array({"q_proj"})};
  }
  return values;
}

class EveryMethod : public testing::TestWithParam<const peft::Method*> {};

/// On some family; not every value has something to do on each.
bool does_something(const peft::Method& method, const Json& options,
                    std::map<std::string, Observed>& usual) {
  for (const std::string family : {"vit", "mobilenet_v2_tf"}) {
    auto [entry, added] = usual.try_emplace(family);
    if (added) {
      entry->second = observe(method, family, Json::object());
      EXPECT_EQ(observe(method, family, Json::object()), entry->second)
          << "two equal runs differ on " << family;
    }
    if (observe(method, family, options) != entry->second) return true;
  }
  return false;
}

TEST_P(EveryMethod, EveryOptionDoesSomething) {
  const peft::Method& method = *GetParam();
  std::map<std::string, Observed> usual;
  const peft::Choice choice = choose(method);
  for (const Option& option : method.options) {
    const auto values = other_values(option, choice.options.at(option.name));
    EXPECT_FALSE(values.empty()) << option.name;
    for (const Json& value : values) {
      EXPECT_TRUE(does_something(method, {{option.name, value}}, usual))
          << option.name << " = " << value;
    }
  }
}

TEST_P(EveryMethod, ItSaysWhatItIs) {
  const peft::Method& method = *GetParam();
  EXPECT_FALSE(method.summary.empty());
  EXPECT_TRUE(method.make || method.selects);
  EXPECT_EQ(static_cast<bool>(method.make), static_cast<bool>(method.serves));
  if (method.name != "none") {
    EXPECT_FALSE(method.source.empty());
  }
  for (const Option& option : method.options) EXPECT_FALSE(option.help.empty()) << option.name;
}

struct Shape {
  std::string name;
  nn::ConvOptions options;
};

std::vector<Shape> convolutions() {
  nn::ConvOptions plain;
  plain.in = 4;
  plain.out = 6;
  plain.kernel = {3, 3};
  plain.padding = {1, 1};
  plain.bias = true;
  std::vector<Shape> shapes = {{"plain", plain}};
  const auto add = [&](const std::string& name,
                       const std::function<void(nn::ConvOptions&)>& change) {
    shapes.push_back({name, plain});
    change(shapes.back().options);
  };
  add("dilated", [](auto& o) { o.dilation = {2, 2}; });
  add("strided", [](auto& o) { o.stride = {2, 3}; });
  add("oblong", [](auto& o) { o.kernel = {1, 5}, o.padding = {0, 2}, o.dilation = {1, 2}; });
  for (const char* mode : {"reflect", "replicate", "circular"}) {
    add(mode, [mode](auto& o) { o.padding_mode = mode, o.padding = {2, 1}; });
  }
  add("circular_strided_grouped",
      [](auto& o) { o.padding_mode = "circular", o.stride = {2, 2}, o.groups = 2; });
  add("groups", [](auto& o) { o.groups = 2; });
  add("groups_dilated_strided",
      [](auto& o) { o.groups = 2, o.dilation = {2, 1}, o.stride = {2, 2}; });
  add("depthwise", [](auto& o) { o.groups = o.out = o.in; });
  add("depthwise_multiplier", [](auto& o) { o.groups = o.in, o.out = 2 * o.in; });
  add("same_padding", [](auto& o) { o.same_padding = true, o.stride = {2, 2}; });
  add("same_padding_dilated_depthwise",
      [](auto& o) { o.same_padding = true, o.dilation = {2, 2}, o.groups = o.out = o.in; });
  add("pointwise", [](auto& o) { o.kernel = {1, 1}, o.padding = {0, 0}, o.bias = false; });
  return shapes;
}

/// Methods that add tensors to layers.
class AddingMethod : public EveryMethod {};

TEST_P(AddingMethod, MergingAnyConvolutionIsExact) {
  const peft::Method& method = *GetParam();
  const at::NoGradGuard no_grad;
  const nn::Init init(9);
  for (const Shape& shape : convolutions()) {
    SCOPED_TRACE(shape.name);
    nn::Registry registry;
    nn::Conv2d conv(nn::Scope(registry, "conv", 0), shape.options);
    for (const auto& parameter : registry.parameters)
      init.normal(parameter.name, *parameter.value, 0.3);
    at::Tensor x = at::empty({2, shape.options.in, 10, 11});
    init.normal("x", x, 1);
    const at::Tensor plain = conv(x);
    const peft::Choice choice =
        has_option(method, "target") ? choose(method, {{"target", "all"}}) : choose(method);
    if (!method.serves(conv.site(), choice.options)) continue;
    peft::attach(registry, {choice}, 1, nn::Init(1));
    EXPECT_LE(gap(conv(x), plain), 1e-6);
    stir(registry, 0.3);
    const at::Tensor adapted = conv(x);
    EXPECT_GT(gap(adapted, plain), 0.05);
    peft::merge_all(registry);
    EXPECT_LE(gap(conv(x), adapted), 1e-5 * size_of(adapted));
  }
}

TEST_P(AddingMethod, EmbeddingsAreAdaptedWhereTheyAreNamed) {
  const peft::Method& method = *GetParam();
  if (!has_option(method, "target")) return;
  const at::NoGradGuard no_grad;
  const nn::Init init(9);
  const at::Tensor ids = at::tensor({3, 0, 3, 11}, at::kLong);
  const auto rows_of = [&](const Json& target, bool& adapted) {
    nn::Registry registry;
    nn::Embedding words(nn::Scope(registry, "embed_tokens", 0), 12, 6);
    const nn::Linear other(nn::Scope(registry, "q_proj", 0), 6, 6);
    for (const auto& parameter : registry.parameters)
      init.normal(parameter.name, *parameter.value, 0.3);
    const at::Tensor plain = words(ids);
    peft::attach(registry, {choose(method, {{"target", target}})}, 1, nn::Init(1));
    adapted = !words.adapters().empty();
    EXPECT_EQ(gap(words(ids), plain), 0) << "at the start nothing changes";
    stir(registry, 0.3);
    const at::Tensor rows = words(ids);
    EXPECT_EQ(gap(rows, plain) > 0.01, adapted);
    peft::merge_all(registry);
    EXPECT_LE(gap(words(ids), rows), 1e-6);
    EXPECT_EQ(gap(rows[0], rows[2]), 0) << "one id, one row";
  };
  bool adapted = false;
  for (const Json& target : {Json("all"), Json("all-linear")}) {
    rows_of(target, adapted);
    EXPECT_FALSE(adapted) << target;
  }
  rows_of({"embed_tokens", "q_proj"}, adapted);
  EXPECT_TRUE(adapted);
}

std::vector<const peft::Method*> all_methods() {
  std::vector<const peft::Method*> all;
  for (const auto& method : peft::methods()) all.push_back(&method);
  return all;
}

std::vector<const peft::Method*> adding_methods() {
  std::vector<const peft::Method*> adding = all_methods();
  std::erase_if(adding, [](const peft::Method* method) { return !method->make; });
  return adding;
}

std::vector<Tested> all_pairs() {
  std::vector<Tested> all;
  for (const auto* method : all_methods()) {
    for (const auto& family : kFamilies) all.push_back({method, family});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryMethod, testing::ValuesIn(all_methods()),
                         [](const auto& tested) { return tested.param->name; });
INSTANTIATE_TEST_SUITE_P(Catalogue, AddingMethod, testing::ValuesIn(adding_methods()),
                         [](const auto& tested) { return tested.param->name; });
INSTANTIATE_TEST_SUITE_P(Catalogue, MethodOnFamily, testing::ValuesIn(all_pairs()),
                         [](const auto& tested) {
                           return tested.param.method->name + "_" + tested.param.family;
                         });

}  // namespace
}  // namespace graft
