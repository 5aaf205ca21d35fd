using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.Cli.Commands.ScSurv;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScSurv;
using Cellcast.Models.Simulation;
using Cellcast.Survival;
using Spectre.Console;

namespace Cellcast.Cli.Commands;

/// <summary><c>cellcast demo</c>: the survival job on a small study whose answer is known.</summary>
internal sealed class DemoCommand : CellcastCommand
{
    private static readonly SimulationParameters s_study = new()
    {
        Cells = 1200,
        Genes = 600,
        Types = 8,
        Families = 4,
        GradientTypes = 1,
        Samples = 3,
        Patients = 120,
        Effect = 1.2,
        EventShare = 0.75,
    };

    // Small data need fewer epochs: the demo shows the way, not the last digit.
    private static readonly ScSurvOptions s_options = new() { MaxEpochs = 300, ProjectionSteps = 300 };

    public DemoCommand() : base("demo", "Simulate a small cohort with a known answer, run the survival job on it and compare: about a minute.", OutputKind.ResumableFolder, usesSeed: true, defaultFolder: "cellcast-demo") =>
        AddExample("cellcast demo", "results go to the folder cellcast-demo");

    protected internal override bool ReplacesItsOwnResults => true;

    protected internal override void Run(CommandContext context)
    {
        if (context.Directory.IsComplete)
        {
            context.Log.Info("the demo in this folder is complete: nothing to resume.");
            return;
        }
        context.Log.Info(string.Create(CultureInfo.InvariantCulture, $"simulating {s_study.Cells:#,0} cells of {s_study.Types} types and {s_study.Patients} patients"));
        SimulatedStudy study = StudySimulator.Simulate(s_study, context.Seed, context.Threads, cancellation: context.Cancellation);
        H5adFile.Write(context.Directory.File("data/demo_cells.h5ad"), study.Cells);
        H5adFile.Write(context.Directory.File("data/demo_bulk.h5ad"), study.Bulk);

        var inputs = new ScSurvInputs { Reference = study.Cells, Bulk = study.Bulk, SampleColumn = "sample", LabelColumn = "label" };
        var options = s_options with { Seed = context.Seed };
        ScSurvResults results = ScSurvJob.Run(context, inputs, options, Settings(context.Arguments), withShares: true, withRates: false, TimeSpan.FromSeconds(10));
        Report(context, study, TruthScore.Of(study, results.RawContribution, results.PatientShares.ToArray()), results);
    }

    private static void Report(CommandContext context, SimulatedStudy study, TruthScore score, ScSurvResults results)
    {
        var types = new Table().Border(TableBorder.Simple).Title("Contribution of the cell types, most harmful first (centred; the scale is the model's own)").AddColumns("type", "cells", "known", "found");
        double known = score.Types.Average(t => t.Known), estimated = score.Types.Average(t => t.Estimated);
        foreach (var t in score.Types.OrderByDescending(t => t.Known))
            types.AddRow(t.Type, t.Cells.ToString(CultureInfo.InvariantCulture), Signed(t.Known - known), Signed(t.Estimated - estimated));
        foreach (var column in types.Columns.Skip(1)) column.RightAligned();

        var agreement = new Table().Border(TableBorder.Simple).Title("Agreement with the known answer").AddColumns("what", "found", "with the true risk");
        agreement.AddRow("contribution of cell types (correlation)", Number(score.PerType), "");
        agreement.AddRow("contribution of single cells (correlation)", Number(score.PerCell), "");
        agreement.AddRow("shares of cell types in a patient (median correlation)", Number(score.Shares), "");
        var json = new JsonObject { ["correlation_types"] = Finite(score.PerType), ["correlation_cells"] = Finite(score.PerCell), ["correlation_shares"] = Finite(score.Shares) };
        double[] trueRisk = ((NumericColumn)study.Bulk.Obs["true_lp"]).ToDouble();
        foreach (var split in Enum.GetValues<Split>())
        {
            if (results.Concordance.GetValueOrDefault(split) is not { } found) continue;
            int[] rows = [.. Enumerable.Range(0, results.Splits.Length).Where(i => results.Splits[i] == split)];
            var survival = new SurvivalData([.. rows.Select(i => results.Time[i])], [.. rows.Select(i => results.Event[i])]);
            double best = Concordance.Compute(survival, [.. rows.Select(i => trueRisk[i])]).Value;
            string name = split.ToString().ToLowerInvariant();
            agreement.AddRow($"concordance of the {rows.Length} {name} patients", Number(found.Value), Number(best));
            json["concordance_" + name] = Finite(found.Value);
        }
        agreement.Columns[1].RightAligned();
        agreement.Columns[2].RightAligned();
        context.Output.Write(types);
        context.Output.Write(agreement);
        context.Result["agreement"] = json;

        string folder = context.Directory.FullPath;
        var files = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn();
        foreach (var (file, what) in new[]
        {
            ("report.html", "everything to look at, in one file: open it in a browser"),
            ("cells.h5ad", "every cell with its contribution (obs beta_z) and latent state; opens in scanpy, cellxgene, Seurat"),
            ("cell_types.csv", "contribution per cell type"),
            ("patients.csv", "risk of every patient; survival_curves.csv has the predicted curves"),
            ("genes.csv", "genes whose expression goes with risk"),
            ("data/", "the simulated files: the same as 'cellcast scsurv fit' would read"),
        })
            files.AddRow(new Text(Path.Combine(folder, file)), new Text(what));
        context.Output.WriteLine("Where to look:");
        context.Output.Write(files);
    }

    private static string Number(double value) => double.IsNaN(value) ? "-" : value.ToString("0.00", CultureInfo.InvariantCulture);

    private static string Signed(double value) => value.ToString("+0.00;-0.00;0.00", CultureInfo.InvariantCulture);

    private static double? Finite(double value) => double.IsFinite(value) ? Math.Round(value, 6) : null;
}
