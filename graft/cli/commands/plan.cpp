#include "graft/plan/plan.h"

#include <iostream>

#include "graft/base/units.h"
#include "graft/cli/arguments.h"
#include "graft/train/trained_set.h"

namespace graft::cli {

Command plan() {
  return {
      "plan", "tells what train would do and cost, and what else could be done",
      [](const Words& words) {
        Arguments arguments(
            "plan",
            "Decides as train does, times a few updates, and prints the configuration, trained "
            "parameters by block, memory and time side by side. Trains nothing.");
        Words given;
        bool json = false;
        arguments.app().add_option("words", given, "config.yaml and key=value words");
        arguments.app().add_flag("--json", json, "one JSON document");
        if (!arguments.parse(words)) return 0;
        graft::plan::PlanOptions options;
        options.compare = true;
        const graft::plan::Planned planned =
            graft::plan::make_plan(graft::train::make_config(read_configuration(given)), options);
        const graft::train::Job& job = planned.job;
        Json blocks = Json::array();
        std::vector<int64_t> total(static_cast<size_t>(job.model().size())), trained(total.size());
        for (const auto& p : job.model().registry().parameters) {
          if (!p.is_buffer()) total[static_cast<size_t>(p.block)] += p.value->numel();
        }
        for (const auto& stage : job.stages) {
          std::vector<int64_t> of_stage(total.size());
          for (const auto& t :
               graft::train::trained_tensors(job.model(), job.config.methods, stage.blocks)) {
            of_stage[static_cast<size_t>(t.block)] += t.value->numel();
          }
          for (size_t b = 0; b < trained.size(); ++b)
            trained[b] = std::max(trained[b], of_stage[b]);
        }
        for (int b = 0; b < job.model().size(); ++b) {
          const auto i = static_cast<size_t>(b);
          blocks.push_back({{"block", job.model().block_name(b)},
                            {"parameters", total[i]},
                            {"trained", trained[i]},
                            {"forward_flops", job.profile.blocks[i].forward}});
        }
        const double batch = job.config.values["train"]["batch"].get<double>();
        if (json) {
          std::cout << Json{{"config", job.config.values},
                            {"decisions", planned.facts.decisions},
                            {"predicted", planned.facts.predicted},
                            {"full", planned.facts.full},
                            {"candidates", planned.facts.candidates},
                            {"blocks", blocks},
                            {"notes", job.notes}}
                           .dump(2)
                    << "\n";
          return 0;
        }
        for (const auto& note : job.notes) std::cout << note << "\n";
        std::cout << graft::plan::decisions_text(planned.facts) << "\nconfiguration:\n"
                  << to_yaml(job.config.values) << "\n";
        std::cout << fmt::format("{:<12} {:>12} {:>12} {:>16}\n", "block", "parameters", "trained",
                                 "forward FLOPs");
        for (const Json& b : blocks) {
          std::cout << fmt::format("{:<12} {:>12} {:>12} {:>16}\n", b["block"].get<std::string>(),
                                   b["parameters"].get<int64_t>(), b["trained"].get<int64_t>(),
                                   show_count(b["forward_flops"].get<double>()));
        }
        std::cout << fmt::format("\nfull fine-tuning: {} FLOPs an update of {:.0f} samples\n\n",
                                 show_count(batch * job.profile.full_update()), batch)
                  << graft::plan::candidates_text(planned.facts);
        const Json& p = planned.facts.predicted;
        std::cout << fmt::format(
            "\nthis run: an update {}, training {}, tensors at most {}, resident {}\n",
            show_seconds(p["step_s"].get<double>()), show_seconds(p["train_s"].get<double>()),
            show_bytes(p["peak_tensor_bytes"].get<double>()),
            show_bytes(p["rss_bytes"].get<double>()));
        return 0;
      }};
}

}  // namespace graft::cli
