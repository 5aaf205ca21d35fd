using Cellcast.AnnData;
using Cellcast.Analysis.Clinical;
using Cellcast.Analysis.Counts;
using Cellcast.Analysis.Preprocessing;
using Cellcast.Models.Training;
using Cellcast.Survival;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>The files of a cohort as they were read, and the names of the columns in them.</summary>
public sealed record ScSurvInputs
{
    /// <summary>Single-cell reference, cells x genes.</summary>
    public required AnnotatedData Reference { get; init; }

    /// <summary>Bulk cohort, patients x genes.</summary>
    public required AnnotatedData Bulk { get; init; }

    /// <summary>Spatial counts, spots x genes, or null.</summary>
    public AnnotatedData? Spatial { get; init; }

    /// <summary>Layer of each file that holds the raw counts; null for X.</summary>
    public string? Layer { get; init; }

    /// <summary>Column of the reference with the sample of each cell; null for none.</summary>
    public string? SampleColumn { get; init; }

    /// <summary>Column of the reference with the cell type; null for none.</summary>
    public string? LabelColumn { get; init; }

    /// <summary>Column of the cohort with the survival time.</summary>
    public string TimeColumn { get; init; } = "survival_time";

    /// <summary>Column of the cohort with the event: Dead / Alive, 1 / 0, true / false.</summary>
    public string EventColumn { get; init; } = "vital_status";

    /// <summary>Column of the cohort with <c>train</c>, <c>validation</c> or <c>test</c>; null draws the parts from the seed.</summary>
    public string? SplitColumn { get; init; }

    /// <summary>Part of the cohort of each patient; null for <see cref="SplitColumn"/> or the seed.</summary>
    public IReadOnlyList<Split>? Splits { get; init; }

    /// <summary>Kind of outcome, covariates, strata, entry times, weights.</summary>
    public ClinicalDesign Design { get; init; } = new();
}

/// <summary>Turns files into what scSurv learns from: checks counts and columns, splits the cohort, selects genes.</summary>
public static class ScSurvPreparation
{
    /// <summary>Least number of cells of a reference and of genes shared by all inputs that training makes sense with.</summary>
    public const int MinimumCells = 20, MinimumGenes = 10;

    /// <summary>Checks and prepares.</summary>
    /// <param name="inputs">The files and their columns. The reference is read block by block where its matrix is a <see cref="StreamedMatrix"/>.</param>
    /// <param name="options">Settings.</param>
    /// <param name="progress">Who is told.</param>
    /// <param name="space">Memory that the packed counts of the reference may take, and where they lie beyond it.</param>
    /// <param name="cancellation">Checked between blocks of cells.</param>
    /// <exception cref="InputException">Something in the files cannot be used: the message says what, where and what to do.</exception>
    public static ScSurvData Prepare(ScSurvInputs inputs, ScSurvOptions options, ITrainingProgress progress, ScratchSpace? space = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        AnnotatedData reference = inputs.Reference, bulk = inputs.Bulk;
        string referenceFile = Name(reference), bulkFile = Name(bulk);
        // Columns first: a misspelt name should not cost the user the reading of large matrices.
        Outcome outcome = inputs.Design.Read(bulk, inputs.TimeColumn, inputs.EventColumn);
        double[] time = outcome is SurvivalOutcome f ? f.Data.Time.ToArray() : [];
        bool[] died = outcome is SurvivalOutcome e ? e.Data.Event.ToArray() : [];
        var (sampleOf, samples) = inputs.SampleColumn is null
            ? ([.. Enumerable.Repeat(-1, reference.ObservationCount)], [])
            : Codes(reference, inputs.SampleColumn);
        CategoricalColumn? labels = inputs.LabelColumn is null ? null : Labels(reference, inputs.LabelColumn);
        RequireUniqueNames(reference, "cell");
        RequireUniqueNames(bulk, "patient");
        if (inputs.Spatial is not null)
        {
            RequireUniqueNames(inputs.Spatial, "spot");
            if (SpotPatterns.Check(inputs.Spatial) is { } without) progress.Warning(without);
        }
        if (reference.ObservationCount < MinimumCells)
            throw new InputException($"'{referenceFile}' has {reference.ObservationCount} cells; at least {MinimumCells} are needed.");

        RandomKey key = RandomKey.From(options.Seed, "scsurv");
        bool[] informative = Informative(outcome);
        Split[] splits = inputs.Splits is not null ? [.. inputs.Splits]
            : inputs.SplitColumn is null ? Splits.OfPatients(informative, options.TrainPatients, options.ValidationPatients, key.Split("patient split"))
            : SplitColumn.Read(bulk, inputs.SplitColumn, informative);

        RequireComparable(outcome, splits, bulkFile);
        ClinicalCovariates? covariates = ReadCovariates(inputs, options, splits, progress);
        SparseMatrix b = Counts(bulk, inputs.Layer, "patient", progress);
        SparseMatrix? y = inputs.Spatial is null ? null : Counts(inputs.Spatial, inputs.Layer, "spot", progress);
        var (x, detected) = Cells(reference, inputs.Layer, progress, cancellation);
        // Ranking genes by the cells takes several passes: over memory rather than the file.
        if (options.GeneSource == GeneSource.Cells && x is StreamedMatrix) x = PackedMatrix.Of(x, space, cancellation);
        // Held-out patients must not touch the choice of genes either.
        int[] seen = options.Protocol == Protocol.HeldOut ? [.. Enumerable.Range(0, splits.Length).Where(i => splits[i] != Split.Test)] : [.. Enumerable.Range(0, splits.Length)];
        GeneSelection selected = GeneSelection.Select(new CountTable(referenceFile, reference.Var.Index, x) { Detected = detected }, new CountTable(bulkFile, bulk.Var.Index, b.SelectRows(seen)),
            y is null ? null : new CountTable(Name(inputs.Spatial!), inputs.Spatial!.Var.Index, y),
            new GeneSelectionOptions { Count = options.Genes, MinimumDetected = options.MinimumDetected, Source = options.GeneSource });
        progress.Message($"{selected.CommonCount:N0} genes are shared by all inputs, {selected.DetectedCount:N0} of them detected in at least {options.MinimumDetected:P0} of each; {selected.Genes.Count:N0} selected by variability in the "
            + $"{options.GeneSource switch { GeneSource.Bulk => "bulk cohort", GeneSource.Cells => "reference", _ => "spatial counts" }}{(options.Protocol == Protocol.HeldOut ? $"; {splits.Length - seen.Length} test patients kept out" : "")}");
        if (options.Genes < MinimumGenes) throw new InputException($"{options.Genes} genes are too few for a fit: at least {MinimumGenes} are needed; raise --genes.");
        if (selected.Genes.Count < MinimumGenes)
            throw new InputException($"only {selected.Genes.Count} of the {selected.CommonCount} genes shared by '{referenceFile}' and '{bulkFile}' are detected in at least {options.MinimumDetected:P0} of the cells and patients; at least {MinimumGenes} are needed.");
        PackedMatrix cells = Pack(x, selected.CellColumns, space, out int empty, cancellation);
        b = b.SelectColumns(selected.BulkColumns);
        y = y?.SelectColumns(selected.SpotColumns!);
        RequireCounts(b, bulk, "patient");
        if (y is not null) RequireCounts(y, inputs.Spatial!, "spot");
        if (empty > 0) progress.Warning($"{empty} of {cells.Rows} cells have no counts on the selected genes; their contribution follows the prior. Raise --genes or filter such cells.");

        return new ScSurvData(selected.Genes, new ReferenceCells(reference.Obs.Index, cells, sampleOf, samples),
            Mixtures.From(bulk.Obs.Index, b), time, died, splits, y is null ? null : Mixtures.From(inputs.Spatial!.Obs.Index, y))
        { Labels = labels, Outcome = outcome, Covariates = covariates, Strata = inputs.Design.Strata is { } strata ? (strata, OutcomeColumns.StrataOf(bulk, strata).Categories) : null };
    }

    /// <summary>Counts of new patients on the genes of a trained model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="bulk">The new patients.</param>
    /// <param name="layer">Layer that holds the raw counts; null for X.</param>
    /// <param name="progress">Who is told which genes are missing.</param>
    /// <returns>Counts on all genes of the model (0 where absent), size factors, and which genes are present (null for all).</returns>
    /// <exception cref="InputException">The counts cannot be used or too few genes are there.</exception>
    public static (Mixtures Patients, int[]? Present) NewPatients(ScSurvModel model, AnnotatedData bulk, string? layer, ITrainingProgress progress)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(bulk);
        ArgumentNullException.ThrowIfNull(progress);
        RequireSome(bulk, "patients");
        RequireUniqueNames(bulk, "patient");
        SparseMatrix counts = Counts(bulk, layer, "patient", progress);
        GeneAlignment shared = Shared(model, bulk);
        int total = model.Genes.Count, found = shared.Names.Length;
        if (found < total) progress.Warning($"'{Name(bulk)}' lacks {total - found} of the model's {total} genes ({string.Join(", ", model.Genes.Except(shared.Names).Take(3))}, …); shares are estimated from the other {found}.");
        SparseMatrix chosen = counts.SelectColumns(shared.Positions[1]);
        RequireCounts(chosen, bulk, "patient");
        Mixtures.RequireFit(counts.Rows, total);
        var dense = new float[counts.Rows * total];
        for (int s = 0; s < chosen.Rows; s++)
        {
            ReadOnlySpan<int> index = chosen.RowIndices(s);
            ReadOnlySpan<float> value = chosen.RowValues(s);
            for (int k = 0; k < index.Length; k++) dense[s * total + shared.Positions[0][index[k]]] = value[k];
        }
        int[]? present = found == total ? null : [.. shared.Positions[0].Order()];
        return (new Mixtures(bulk.Obs.Index, dense, model.SizeOf(dense, counts.Rows, present)), present);
    }

    /// <summary>Counts of new cells on the genes of a trained model; absent genes count as not seen.</summary>
    /// <param name="model">The model.</param>
    /// <param name="cells">The new cells.</param>
    /// <param name="layer">Layer that holds the raw counts; null for X.</param>
    /// <param name="sampleColumn">Column with the sample of each cell, matched by name with those of the reference; null for unknown samples.</param>
    /// <param name="progress">Who is told which genes are missing.</param>
    /// <exception cref="InputException">The counts cannot be used or too few genes are there.</exception>
    public static ReferenceCells NewCells(ScSurvModel model, AnnotatedData cells, string? layer, string? sampleColumn, ITrainingProgress progress)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(progress);
        RequireSome(cells, "cells");
        RequireUniqueNames(cells, "cell");
        SparseMatrix counts = Counts(cells, layer, "cell", progress);
        GeneAlignment shared = Shared(model, cells);
        int total = model.Genes.Count, found = shared.Names.Length;
        if (found < total) progress.Warning($"'{Name(cells)}' lacks {total - found} of the model's {total} genes ({string.Join(", ", model.Genes.Except(shared.Names).Take(3))}, …); the encoder sees them as not expressed.");
        List<int> rows = [], columns = [];
        List<float> values = [];
        SparseMatrix chosen = counts.SelectColumns(shared.Positions[1]);
        for (int c = 0; c < chosen.Rows; c++)
        {
            ReadOnlySpan<int> index = chosen.RowIndices(c);
            ReadOnlySpan<float> value = chosen.RowValues(c);
            for (int e = 0; e < index.Length; e++)
            {
                rows.Add(c);
                columns.Add(shared.Positions[0][index[e]]);
                values.Add(value[e]);
            }
        }
        SparseMatrix aligned = SparseMatrix.FromCoordinates(counts.Rows, total, [.. rows], [.. columns], [.. values]);
        RequireCounts(aligned, cells, "cell");
        int[] sampleOf = [.. Enumerable.Repeat(-1, counts.Rows)];
        if (sampleColumn is not null)
        {
            var (codes, names) = Codes(cells, sampleColumn);
            int[] known = [.. names.Select(name => Enumerable.Range(0, model.Samples.Count).FirstOrDefault(s => model.Samples[s] == name, -1))];
            sampleOf = [.. codes.Select(code => known[code])];
        }
        return new ReferenceCells(cells.Obs.Index, aligned, sampleOf, model.Samples);
    }

    private static GeneAlignment Shared(ScSurvModel model, AnnotatedData data)
    {
        GeneAlignment shared = GeneNames.Align(new GeneList("the model", [.. model.Genes]), new GeneList(Name(data), data.Var.Index));
        int total = model.Genes.Count, found = shared.Names.Length;
        return found >= Math.Max(MinimumGenes, total / 10) ? shared
            : throw new InputException($"'{Name(data)}' has only {found} of the model's {total} genes; at least a tenth is needed: check that it uses the same gene names and species.");
    }

    /// <summary>Deaths, or the outcomes that stand for them when a cohort is split.</summary>
    private static bool[] Informative(Outcome outcome)
    {
        switch (outcome)
        {
            case SurvivalOutcome s:
                return s.Data.Event.ToArray();
            case BinaryOutcome b:
                return b.Values;
            default:
                double[] values = ((ContinuousOutcome)outcome).Values;
                double median = ScSurvResults.Median(values);
                return [.. values.Select(v => v > median)];
        }
    }

    private static ClinicalCovariates? ReadCovariates(ScSurvInputs inputs, ScSurvOptions options, Split[] splits, ITrainingProgress progress)
    {
        if (inputs.Design.Covariates.Count == 0) return null;
        int[] training = [.. Enumerable.Range(0, splits.Length).Where(i => splits[i] == Split.Train || (splits[i] == Split.Validation && options.Method == HazardMethod.Smooth))];
        CovariateDesign design = CovariateDesign.Fit(inputs.Bulk.Obs, Name(inputs.Bulk), inputs.Design.Covariates, training, inputs.Design.Missing);
        foreach (string note in design.Notes) progress.Message(note);
        return new ClinicalCovariates(design, design.Apply(inputs.Bulk.Obs, Name(inputs.Bulk), UnknownLevels.AsMissing, progress.Warning));
    }

    private static string Name(AnnotatedData data) => data.Source ?? "the data";

    /// <summary>The counts of the reference, checked in one pass, and in how many cells each gene is detected.</summary>
    private static (Matrix Counts, int[] Detected) Cells(AnnotatedData data, string? layer, ITrainingProgress progress, CancellationToken cancellation)
    {
        Matrix m = data.MatrixOf(layer);
        if (m is not StreamedMatrix) m = Narrowed(data, layer, progress);
        var detected = new int[m.Columns];
        CountCheck.RequireRawCounts(m, data, Slot(layer), "cell", refuseEmptyRows: true, (_, rows) => Filters.AddCellsPerGene(rows, detected), cancellation);
        return (m, detected);
    }

    /// <summary>The chosen genes of all cells in few bytes per count.</summary>
    private static PackedMatrix Pack(Matrix counts, int[] columns, ScratchSpace? space, out int emptyCells, CancellationToken cancellation)
    {
        var choice = new ColumnChoice(counts.Columns, columns);
        using var packing = new PackedMatrix.Packing(choice.Count, space);
        int empty = 0;
        counts.ForEachBlock((_, rows) =>
        {
            choice.Apply(rows);
            rows.DropZeros();
            for (int r = 0; r < rows.Count; r++)
                if (rows.RowIndices(r).IsEmpty) empty++;
            packing.Append(rows);
        }, cancellation);
        emptyCells = empty;
        return packing.ToMatrix();
    }

    private static string Slot(string? layer) => layer is null or "X" ? "X" : $"layers/{layer}";

    private static SparseMatrix Narrowed(AnnotatedData data, string? layer, ITrainingProgress progress)
    {
        SparseMatrix m = data.MatrixOf(layer).ToSparse(out long rounded);
        if (rounded > 0) progress.Warning($"'{Name(data)}', {Slot(layer)}: {rounded} values are too large to be held exactly and were rounded to float32.");
        return m;
    }

    private static SparseMatrix Counts(AnnotatedData data, string? layer, string row, ITrainingProgress progress)
    {
        SparseMatrix m = Narrowed(data, layer, progress);
        CountCheck.RequireRawCounts(m, data, Slot(layer), row, refuseEmptyRows: true);
        return m.WithoutZeros();
    }

    private static (int[] Codes, IReadOnlyList<string> Names) Codes(AnnotatedData data, string column)
    {
        Column c = data.Obs.Require(column, Name(data));
        var labels = new string[c.Length];
        for (int i = 0; i < labels.Length; i++)
            labels[i] = c.Text(i) ?? throw new InputException($"'{Name(data)}', obs column '{column}': cell '{data.Obs.Index[i]}' (row {i + 1}) has no sample; fill it in or leave --batch out.");
        CategoricalColumn coded = CategoricalColumn.FromLabels(labels);
        return (coded.Codes, coded.Categories);
    }

    private static void RequireSome(AnnotatedData data, string what)
    {
        if (data.ObservationCount == 0) throw new InputException($"'{Name(data)}' has no {what}; give a file with at least one row.");
    }

    private static CategoricalColumn Labels(AnnotatedData reference, string column)
    {
        Column c = reference.Obs.Require(column, Name(reference));
        if (c is NumericColumn numbers && Array.Exists(numbers.ToDouble(), v => v != Math.Floor(v) && !double.IsNaN(v)))
            throw new InputException($"'{Name(reference)}', obs column '{column}': holds fractions, which are no cell types; name another column with --label or leave it out.");
        return CategoricalColumn.FromLabels(c.ToText());
    }

    /// <summary>Refuses follow-up in which nobody can be compared with anybody: strata or late entry may leave every patient alone.</summary>
    private static void RequireComparable(Outcome outcome, Split[] splits, string file)
    {
        if (outcome is not SurvivalOutcome) return;
        int[] train = [.. Enumerable.Range(0, splits.Length).Where(i => splits[i] == Split.Train)];
        // All risks alike, the partial likelihood is 1 if every risk set is of one patient.
        if (train.Length == 0 || outcome.Subset(train) is not SurvivalOutcome { Data: var data } || Enumerable.Range(0, data.Count).All(i => !data.Event[i] || (!data.Weights.IsEmpty && data.Weights[i] == 0))) return;
        if (new PartialLikelihood(data, TieMethod.Breslow).Evaluate(new double[data.Count]) < 1e-9)
            throw new InputException($"'{file}': no training patient is under observation at the death of another{(data.Strata.IsEmpty ? "" : " of the same stratum")}{(data.Entry.IsEmpty ? "" : " after its own entry")}, so nothing can be learned from survival; merge strata, or check entry and survival times.");
    }

    private static void RequireUniqueNames(AnnotatedData data, string what)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (string name in data.Obs.Index)
            if (!seen.Add(name)) throw new InputException($"'{Name(data)}': the {what} name '{name}' occurs more than once in obs; make the names unique first.");
    }

    private static void RequireCounts(SparseMatrix counts, AnnotatedData data, string what)
    {
        double[] sums = counts.RowSums();
        int row = Array.FindIndex(sums, s => s == 0);
        if (row >= 0) throw new InputException($"'{Name(data)}': {what} '{data.Obs.Index[row]}' (row {row + 1}) has no counts on the genes that are used; remove that {what}.");
    }
}
