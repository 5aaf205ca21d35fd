using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cellcast.Analysis.Clinical;
using Cellcast.Analysis.Preprocessing;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScSurv;
using Cellcast.Models.Training;
using Cellcast.Survival;
using Cellcast.Tensors;
using Spectre.Console;

namespace Cellcast.Cli.Commands.ScSurv;

/// <summary><c>cellcast scsurv fit</c>: reads the files, trains scSurv, writes the results.</summary>
internal sealed class ScSurvFitCommand : CellcastCommand
{
    private static readonly ScSurvOptions s_defaults = new();

    private readonly Option<string> _reference = new("--reference", "-r") { Description = "Single-cell reference with raw counts (h5ad, 10x h5, mtx folder, csv).", HelpName = "FILE", Required = true };
    private readonly Option<string> _bulk = new("--bulk", "-b") { Description = "Bulk cohort with raw counts and survival in obs.", HelpName = "FILE", Required = true };
    private readonly Option<string?> _spatial = new("--spatial") { Description = "Spots with raw counts, for a hazard map of the tissue.", HelpName = "FILE" };
    private readonly Option<string?> _batch = new("--batch") { Description = "Column of the reference with the sample of each cell.", HelpName = "COLUMN" };
    private readonly Option<string?> _label = new("--label") { Description = "Column of the reference with the cell type; adds cell_types.csv, and the smooth method uses it.", HelpName = "COLUMN" };
    private readonly Option<string> _time = new("--time") { Description = "Column of the cohort with the survival time.", HelpName = "COLUMN", DefaultValueFactory = _ => "survival_time" };
    private readonly Option<string> _event = new("--event") { Description = "Column of the cohort with the status: Dead / Alive, 1 / 0, true / false.", HelpName = "COLUMN", DefaultValueFactory = _ => "vital_status" };
    private readonly Option<string?> _layer = new("--layer") { Description = "Layer with the raw counts; X when left out.", HelpName = "NAME" };
    private readonly Option<string?> _split = new("--split") { Description = "Column of the cohort with train, validation or test; drawn from the seed when left out.", HelpName = "COLUMN" };
    private readonly ChoiceOption<Protocol> _protocol = new("--protocol", "heldout keeps test patients out of gene selection and every training stage; transductive is as published.", s_defaults.Protocol, ("heldout", Protocol.HeldOut), ("transductive", Protocol.Transductive));
    private readonly ChoiceOption<HazardMethod> _method = new("--method", "Estimator of the contributions: smooth over cell types, latent states and expression programs, with intervals; or published.", s_defaults.Method, ("smooth", HazardMethod.Smooth), ("published", HazardMethod.Published));
    private readonly ChoiceOption<bool> _refit = new("--refit", "all learns contributions, intervals and the model for new patients from all patients, after the test patients have been predicted without them; train leaves test patients out of those too.", true, ("all", true), ("train", false));
    private readonly Option<int> _genes = NumberOptions.Whole("--genes", "Variable genes to use.", s_defaults.Genes);
    private readonly ChoiceOption<GeneSource> _geneSource = new("--gene-source", "Matrix that ranks the genes by variability.", s_defaults.GeneSource, ("bulk", GeneSource.Bulk), ("sc", GeneSource.Cells), ("spatial", GeneSource.Spots));
    private readonly Option<double> _minDetected = NumberOptions.Real("--min-detected", "Share of cells and patients in which a gene must be detected.", s_defaults.MinimumDetected, 0, 1);
    private readonly ChoiceOption<CellLikelihood> _likelihood = new("--likelihood", "Likelihood of the single-cell counts.", s_defaults.Likelihood, ("poisson", CellLikelihood.Poisson), ("nb", CellLikelihood.NegativeBinomial));
    private readonly ChoiceOption<TieMethod> _ties = new("--ties", "Treatment of tied event times.", s_defaults.Ties, ("efron", TieMethod.Efron), ("breslow", TieMethod.Breslow));
    private readonly Option<int> _latent = NumberOptions.Whole("--latent", "Dimensions of the latent state.", s_defaults.Latent);
    private readonly Option<int> _hidden = NumberOptions.Whole("--hidden", "Width of the hidden layers.", s_defaults.Hidden);
    private readonly Option<int> _blocks = NumberOptions.Whole("--blocks", "Blocks per net.", s_defaults.Blocks);
    private readonly Option<double> _learningRate = NumberOptions.Positive("--learning-rate", "Learning rate of the stages cells, bulk and spots.", s_defaults.Cells.LearningRate, 1);
    private readonly Option<double> _hazardLearningRate = NumberOptions.Positive("--hazard-learning-rate", "Learning rate of the stage hazard.", s_defaults.Hazard.LearningRate, 1);
    private readonly Option<int> _maxEpochs = NumberOptions.Whole("--max-epochs", "Most epochs of a stage.", s_defaults.MaxEpochs);
    private readonly Option<int> _patience = NumberOptions.Whole("--patience", "Epochs without improvement after which a stage stops.", s_defaults.Patience);
    private readonly Option<int> _draws = NumberOptions.Whole("--draws", "Posterior draws that contributions and shares are averaged over.", s_defaults.PosteriorDraws);
    private readonly Option<bool> _noShares = new("--no-shares") { Description = "Leave the share of every cell in every patient and spot out of cells.h5ad." };

    private readonly Option<double> _checkpointEvery = new("--checkpoint-every") { Description = "Seconds between checkpoints within a stage; each stage ends with one.", HelpName = "SECONDS", DefaultValueFactory = _ => 10 };

    private readonly Option<string?> _memory = new("--memory") { Description = "Most memory for the counts of the cells and their shares in the patients, as 8G or 500M; what does not fit lies in the output folder while the run lasts. 2G, or half of this machine's where that is less, when left out.", HelpName = "SIZE" };

    private readonly ClinicalOptions _clinical = new();

    private readonly Option<int> _runs = NumberOptions.Whole("--runs", "Trainings, each with the next seed: their mean and spread go into the folder runs.", 1);

    private readonly Option<bool> _rates = new("--rates") { Description = "Add the decoded rates of all cells and genes to cells.h5ad as layer xld: a dense matrix." };

    public ScSurvFitCommand() : base("fit", "Train scSurv on a single-cell reference and a bulk cohort with survival.", OutputKind.ResumableFolder, usesSeed: true)
    {
        foreach (Option o in (Option[])[_reference, _bulk, _spatial, _batch, _label, _time, _event, _layer, _split, .. _clinical.All, _method, _protocol, _refit, _genes, _geneSource, _minDetected, _likelihood, _ties, _latent, _hidden, _blocks, _learningRate, _hazardLearningRate, _maxEpochs, _patience, _draws, _noShares, _rates, _runs, _memory, _checkpointEvery])
            Options.Add(o);
        AddExample("cellcast scsurv fit --reference cells.h5ad --bulk cohort.h5ad --batch sample --label cell_type --out fit", "the usual call");
        AddExample("cellcast scsurv fit --reference cells.h5ad --bulk cohort.h5ad --covariates age,sex,stage:categorical --out fit", "hazard of the cells beyond age, sex and stage");
        AddExample("cellcast scsurv fit --reference cells.h5ad --bulk cohort.h5ad --spatial section.h5ad --out fit", "with a hazard map of a tissue section");
    }

    protected internal override Option? DecidesNothing => _memory;

    protected internal override void Run(CommandContext context)
    {
        if (context.Resume && context.Directory.IsComplete)
        {
            context.Log.Info("the run in this folder is complete: nothing to resume.");
            return;
        }
        ParseResult a = context.Arguments;
        ScSurvOptions options = new()
        {
            Seed = checked((long)context.Seed),
            Method = _method.Of(a),
            Protocol = _protocol.Of(a),
            Genes = a.GetValue(_genes),
            GeneSource = _geneSource.Of(a),
            MinimumDetected = a.GetValue(_minDetected),
            Likelihood = _likelihood.Of(a),
            Ties = _ties.Of(a),
            Latent = a.GetValue(_latent),
            Hidden = a.GetValue(_hidden),
            Blocks = a.GetValue(_blocks),
            Cells = s_defaults.Cells with { LearningRate = a.GetValue(_learningRate) },
            Bulk = s_defaults.Bulk with { LearningRate = a.GetValue(_learningRate) },
            Spots = s_defaults.Spots with { LearningRate = a.GetValue(_learningRate) },
            Hazard = s_defaults.Hazard with { LearningRate = a.GetValue(_hazardLearningRate) },
            MaxEpochs = a.GetValue(_maxEpochs),
            Patience = a.GetValue(_patience),
            PosteriorDraws = a.GetValue(_draws),
        };
        if (a.GetValue(_checkpointEvery) is not (>= 0 and <= 86_400)) throw new UsageException("--checkpoint-every takes seconds from 0 to 86400.");
        if (options.GeneSource == GeneSource.Spots && a.GetValue(_spatial) is null) throw new UsageException("--gene-source spatial needs --spatial: name the file with the spots.");
        long? memory = a.GetValue(_memory) is { } size ? MemorySize.Parse(size) : null;
        ClinicalOptions.RequireDifferent(a.GetValue(_batch), a.GetValue(_label));
        ClinicalDesign design = _clinical.Of(a, options.Method, a.GetValue(_time)!, a.GetValue(_event)!);
        var inputs = new ScSurvInputs
        {
            Reference = Read(context, a.GetValue(_reference)!, stream: true),
            Bulk = _clinical.Chosen(context, Read(context, a.GetValue(_bulk)!)),
            Spatial = a.GetValue(_spatial) is { } file ? Read(context, file) : null,
            Layer = a.GetValue(_layer),
            SampleColumn = a.GetValue(_batch),
            LabelColumn = a.GetValue(_label),
            TimeColumn = a.GetValue(_time)!,
            EventColumn = a.GetValue(_event)!,
            SplitColumn = a.GetValue(_split),
            Design = design,
        };
        ScSurvResults results = ScSurvJob.Run(context, inputs, options, Settings(a), withShares: !a.GetValue(_noShares), withRates: a.GetValue(_rates), TimeSpan.FromSeconds(a.GetValue(_checkpointEvery)), memory, a.GetValue(_runs), _refit.Of(a));
        Summarize(context, results);
    }

    private static void Summarize(CommandContext context, ScSurvResults results)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("patients", "concordance", "standard error");
        foreach (var (split, c) in results.Concordance)
            if (c is not null)
                table.AddRow(split.ToString().ToLowerInvariant(), c.Value.ToString("0.000", CultureInfo.InvariantCulture), c.StandardError.ToString("0.000", CultureInfo.InvariantCulture));
        if (results.Outcome.Kind == OutcomeKind.Survival) context.Output.Write(table);
        if (results.Clinical is not { Terms.Count: > 0 } clinical) return;
        bool ratio = clinical.Kind != OutcomeKind.Continuous;
        var effects = new Table().Border(TableBorder.Simple).AddColumns("covariate", clinical.Kind switch { OutcomeKind.Survival => "hazard ratio", OutcomeKind.Binary => "odds ratio", _ => "difference" }, "95 %", "p");
        foreach (CovariateEffect e in clinical.Effects)
        {
            double Shown(double v) => ratio ? Math.Exp(v) : v;
            // Ratios of rare levels may be astronomical.
            string Text(double v) => Shown(v) is var s && s != 0 && Math.Abs(s) is < 0.0005 or >= 1e6 ? s.ToString("0.0e0", CultureInfo.InvariantCulture) : s.ToString("0.###", CultureInfo.InvariantCulture);
            effects.AddRow(Markup.Escape(e.Name), Text(e.Coefficient), $"{Text(e.Lower)} to {Text(e.Upper)}", e.PValue.ToString("0.0e0", CultureInfo.InvariantCulture));
        }
        context.Output.Write(effects);
    }

    internal static AnnotatedData Read(CommandContext context, string path, bool stream = false)
    {
        context.Log.Info($"reading {path}");
        AnnotatedData data = AnyFile.Read(path, new AnyFileOptions { H5ad = new() { Threads = context.Threads, Stream = stream } });
        foreach (string warning in data.Warnings) context.Log.Warning(warning);
        return data;
    }
}
