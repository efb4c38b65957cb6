#pragma once

/// Everything that a program which uses graft as a library needs. Sources of graft itself include
/// what they use instead. Worked examples: examples/cpp.

#include "graft/base/error.h"
#include "graft/data/dataset.h"
#include "graft/data/source.h"
#include "graft/eval/metric.h"
#include "graft/image/codec.h"
#include "graft/models/load.h"
#include "graft/peft/method.h"
#include "graft/plan/plan.h"
#include "graft/strategies/strategy.h"
#include "graft/text/tokenizer.h"
#include "graft/train/config.h"
#include "graft/train/job.h"
#include "graft/train/language_model.h"
#include "graft/train/observer.h"
#include "graft/train/predictor.h"
#include "graft/train/run.h"
#include "graft/train/run_model.h"
#include "graft/train/run_report.h"
#include "graft/train/stop.h"
#include "graft/version.h"
