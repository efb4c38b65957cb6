#include <iostream>

#include "graft/base/options.h"
#include "graft/cli/arguments.h"
#include "graft/models/convert.h"

namespace graft::cli {

Command convert() {
  return {"convert", "turns a model of another project into a folder in Hugging Face's layout",
          [](const Words& words) {
            Arguments arguments(
                "convert",
                "Reads TensorFlow.js (MobileNetV2), timm and torchvision weights and models of "
                "llama2.c; "
                "writes config.json, model.safetensors and what else belongs to the model.");
            std::string source;
            std::string folder;
            arguments.app().add_option("SOURCE", source, "folder or weight file")->required();
            arguments.app().add_option("DIR", folder, "folder that is written")->required();
            Words given;
            arguments.app().add_option("words", given, "overwrite=true replaces a model in DIR");
            if (!arguments.parse(words)) return 0;
            const Options options(
                {flag("overwrite", false, "replace a model in DIR")},
                read_overrides(given, "graft convert SOURCE DIR [overwrite=true]"), "convert");
            std::cout << models::convert_model(source, folder, options.boolean("overwrite"))
                      << "\nwritten: " << folder << "\n";
            return 0;
          }};
}

}  // namespace graft::cli
