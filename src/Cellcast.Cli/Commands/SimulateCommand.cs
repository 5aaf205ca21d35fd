using System.CommandLine;
using System.Globalization;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.Cli.Hosting;
using Cellcast.Models.Simulation;

namespace Cellcast.Cli.Commands;

/// <summary><c>cellcast simulate</c>: a study whose answer is known.</summary>
internal sealed class SimulateCommand : CellcastCommand
{
    private static readonly SimulationParameters s_default = new();

    private readonly Option<string> _name = new("--name") { Description = "Start of the file names: NAME_cells.h5ad, NAME_bulk.h5ad, NAME_spots.h5ad.", HelpName = "NAME", DefaultValueFactory = _ => "simulated" };
    private readonly Option<string?> _from = new("--from") { Description = "Mix the cohort from the cells of this file (raw counts, labelled) instead of simulating cells.", HelpName = "FILE" };
    private readonly Option<string?> _label = new("--label") { Description = "With --from: column of obs with the cell types.", HelpName = "COLUMN" };
    private readonly Option<string?> _batch = new("--batch") { Description = "With --from: column of obs with the samples.", HelpName = "COLUMN" };
    private readonly Option<int> _cells, _genes, _types, _families, _gradientTypes, _samples, _patients, _spots;
    private readonly Option<double> _eventShare, _effect, _gradientEffect, _gradientSpread, _weibullShape, _medianSurvival, _concentration,
        _platformEffect, _batchEffect, _cellDepth, _bulkDepth, _spotDepth, _cellDispersion, _bulkDispersion, _spotDispersion, _cellsApart;

    public SimulateCommand() : base("simulate", "Simulate cells, a bulk cohort with survival and spots, with the known answer in the files.", OutputKind.Folder, usesSeed: true)
    {
        foreach (Option option in new Option[] { _name, _from, _label, _batch }) Options.Add(option);
        _cells = Number("cells", s_default.Cells, "Cells of the reference.");
        _genes = Number("genes", s_default.Genes, "Genes of every file.");
        _types = Number("types", s_default.Types, "Cell types.");
        _families = Number("families", s_default.Families, "Families of related types.");
        _gradientTypes = Number("gradient-types", s_default.GradientTypes, "Types with an inner gradient that the contribution follows.");
        _samples = Number("samples", s_default.Samples, "Samples (batches) of the reference cells.");
        _patients = Number("patients", s_default.Patients, "Patients of the bulk cohort.");
        _spots = Number("spots", s_default.Spots, "Spots; 0 for no spatial file.");
        _eventShare = Number("event-share", s_default.EventShare, "Share of patients whose death is observed.");
        _effect = Number("effect", s_default.Effect, "Sd over patients of the log hazard that the cells explain.");
        _gradientEffect = Number("gradient-effect", s_default.GradientEffect, "Sd of the contribution within a gradient type, relative to that between types.");
        _gradientSpread = Number("gradient-spread", s_default.GradientSpread, "How far patients differ in the inner state of a gradient type.");
        _weibullShape = Number("weibull-shape", s_default.WeibullShape, "Shape of the survival times; 1 is exponential.");
        _medianSurvival = Number("median-survival", s_default.MedianSurvival, "Median survival at average risk, days.");
        _concentration = Number("concentration", s_default.Concentration, "Dirichlet concentration per type of the patients' compositions.");
        _platformEffect = Number("platform-effect", s_default.PlatformEffect, "Sd of the log efficiency of genes in bulk and spots against cells.");
        _batchEffect = Number("batch-effect", s_default.BatchEffect, "Sd of the log efficiency of genes between samples of cells.");
        _cellDepth = Number("cell-depth", s_default.CellDepth, "Median total count of a cell.");
        _bulkDepth = Number("bulk-depth", s_default.BulkDepth, "Median total count of a patient.");
        _spotDepth = Number("spot-depth", s_default.SpotDepth, "Median total count of a spot.");
        _cellDispersion = Number("cell-dispersion", s_default.CellDispersion, "Dispersion of the cells' counts (variance = mean + dispersion mean^2).");
        _bulkDispersion = Number("bulk-dispersion", s_default.BulkDispersion, "Dispersion of the patients' counts.");
        _spotDispersion = Number("spot-dispersion", s_default.SpotDispersion, "Dispersion of the spots' counts.");
        _cellsApart = Number("cells-apart", s_default.CellsApart, "With --from: share of the cells of every type that patients are mixed from and that the reference then lacks.");
        AddExample("cellcast simulate --out study --spots 400", "a study of the usual size, with spots");
        AddExample("cellcast simulate --out study --from tumour.h5ad --label cell_type --batch donor --patients 200", "a cohort mixed from real cells");
    }

    protected internal override void Run(CommandContext context)
    {
        var arguments = context.Arguments;
        var parameters = Parameters(arguments);
        string name = arguments.GetValue(_name)!;
        if (name.Length == 0 || name.AsSpan().IndexOfAny(Path.GetInvalidFileNameChars()) >= 0) throw new UsageException($"--name '{name}' is no start of a file name.");
        string? from = arguments.GetValue(_from);
        CheckCombination(arguments, from, parameters);

        SimulatedStudy study;
        if (from is null)
        {
            context.Log.Info(string.Create(CultureInfo.InvariantCulture, $"simulating {parameters.Cells:#,0} cells of {parameters.Types} types x {parameters.Genes:#,0} genes, {parameters.Patients:#,0} patients"));
            study = StudySimulator.Simulate(parameters, context.Seed, context.Threads, held: false, context.Cancellation);
        }
        else
        {
            context.Log.Info($"reading {from}");
            var reference = H5adFile.Read(from, H5adReadOptions.WithoutRest with { Threads = context.Threads });
            foreach (string warning in reference.Warnings) context.Log.Warning(warning);
            context.Log.Info(string.Create(CultureInfo.InvariantCulture, $"mixing {parameters.Patients:#,0} patients from {(parameters.CellsApart > 0 ? $"{parameters.CellsApart:0.##} of " : "")}{reference.ObservationCount:#,0} cells"));
            study = StudySimulator.FromReference(reference, arguments.GetValue(_label)!, arguments.GetValue(_batch), parameters, context.Seed, context.Threads, context.Cancellation);
        }
        Write(context, name + "_cells.h5ad", study.Cells, "cells");
        Write(context, name + "_bulk.h5ad", study.Bulk, "patients");
        if (study.Spots is not null) Write(context, name + "_spots.h5ad", study.Spots, "spots");
        context.Result["types"] = ((NdArray)study.Bulk.Uns["types"]).Data.Length;
        context.Result["events"] = ((CategoricalColumn)study.Bulk.Obs["vital_status"]).ToText().Count(v => v == "Dead");
    }

    private static void Write(CommandContext context, string name, AnnotatedData data, string what)
    {
        context.Cancellation.ThrowIfCancellationRequested();
        context.Log.Info(string.Create(CultureInfo.InvariantCulture, $"writing {name}: {data.ObservationCount:#,0} {what} x {data.VariableCount:#,0} genes"));
        H5adFile.Write(context.Directory.File(name), data, new H5adWriteOptions { Threads = context.Threads });
        context.Result[what] = data.ObservationCount;
    }

    private void CheckCombination(ParseResult arguments, string? from, SimulationParameters parameters)
    {
        if (from is null)
        {
            foreach (var option in new[] { _label, _batch })
                if (arguments.GetValue(option) is not null) throw new UsageException($"{option.Name} belongs to --from: name the file of cells too.");
            if (arguments.GetResult(_cellsApart) is { Implicit: false }) throw new UsageException($"{_cellsApart.Name} belongs to --from: name the file of cells too.");
            if (parameters.Problem() is { } problem) throw new UsageException("--" + problem);
            return;
        }
        if (arguments.GetValue(_label) is null) throw new UsageException("--from needs --label, the column of obs with the cell types.");
        foreach (Option option in new Option[] { _cells, _genes, _types, _families, _samples, _batchEffect, _cellDepth, _cellDispersion })
            if (arguments.GetResult(option) is { Implicit: false }) throw new UsageException($"{option.Name} describes simulated cells: with --from the cells are those of the file.");
        if (parameters.CohortProblem() is { } cohortProblem) throw new UsageException("--" + cohortProblem);
    }

    private SimulationParameters Parameters(ParseResult arguments) => new()
    {
        Cells = arguments.GetValue(_cells),
        Genes = arguments.GetValue(_genes),
        Types = arguments.GetValue(_types),
        Families = arguments.GetValue(_families),
        GradientTypes = arguments.GetValue(_gradientTypes),
        Samples = arguments.GetValue(_samples),
        Patients = arguments.GetValue(_patients),
        Spots = arguments.GetValue(_spots),
        EventShare = arguments.GetValue(_eventShare),
        Effect = arguments.GetValue(_effect),
        GradientEffect = arguments.GetValue(_gradientEffect),
        GradientSpread = arguments.GetValue(_gradientSpread),
        WeibullShape = arguments.GetValue(_weibullShape),
        MedianSurvival = arguments.GetValue(_medianSurvival),
        Concentration = arguments.GetValue(_concentration),
        PlatformEffect = arguments.GetValue(_platformEffect),
        BatchEffect = arguments.GetValue(_batchEffect),
        CellDepth = arguments.GetValue(_cellDepth),
        BulkDepth = arguments.GetValue(_bulkDepth),
        SpotDepth = arguments.GetValue(_spotDepth),
        CellDispersion = arguments.GetValue(_cellDispersion),
        BulkDispersion = arguments.GetValue(_bulkDispersion),
        SpotDispersion = arguments.GetValue(_spotDispersion),
        CellsApart = arguments.GetValue(_cellsApart),
    };

    private Option<T> Number<T>(string name, T value, string description)
    {
        var option = new Option<T>("--" + name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value };
        Options.Add(option);
        return option;
    }
}
