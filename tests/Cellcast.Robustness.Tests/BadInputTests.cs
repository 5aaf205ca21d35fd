using Cellcast.AnnData;
using Cellcast.TestSupport;

namespace Cellcast.Robustness.Tests;

/// <summary>Bad input to <c>scsurv fit</c>: code 3, one sentence that names the place and helps, and nothing left behind.</summary>
public class BadInputTests
{
    /// <summary>Name of the case; how the study is spoilt; words that the sentence must contain.</summary>
    private static readonly Dictionary<string, (Action<SmallStudy> Spoil, string[] Words)> s_data = new()
    {
        // Counts that are none: file, slot, row, what is wrong.
        ["negative count of a cell"] = (s => s.Cells = SmallStudy.WithValue(s.Cells, 7, -1), ["cells.h5ad", "X", "cell7", "negative", "raw counts"]),
        ["fractional count of a cell"] = (s => s.Cells = SmallStudy.WithValue(s.Cells, 7, 1.5f), ["cells.h5ad", "cell7", "1.5", "raw counts"]),
        ["missing count of a cell"] = (s => s.Cells = SmallStudy.WithValue(s.Cells, 7, float.NaN), ["cells.h5ad", "cell7", "missing"]),
        ["infinite count of a cell"] = (s => s.Cells = SmallStudy.WithValue(s.Cells, 7, float.PositiveInfinity), ["cells.h5ad", "cell7", "infinite"]),
        ["negative count of a patient"] = (s => s.Bulk = SmallStudy.WithValue(s.Bulk, 5, -3), ["bulk.h5ad", "pt5", "negative"]),
        ["fractional count of a patient"] = (s => s.Bulk = SmallStudy.WithValue(s.Bulk, 5, 0.25f), ["bulk.h5ad", "pt5", "0.25"]),
        ["missing count of a patient"] = (s => s.Bulk = SmallStudy.WithValue(s.Bulk, 5, float.NaN), ["bulk.h5ad", "pt5", "missing"]),
        ["infinite count of a patient"] = (s => s.Bulk = SmallStudy.WithValue(s.Bulk, 5, float.NegativeInfinity), ["bulk.h5ad", "pt5", "infinite"]),
        ["negative count of a spot"] = (s => s.Spots = SmallStudy.WithValue(s.Spots, 3, -1), ["spots.h5ad", "spot3", "negative"]),
        ["missing count of a spot"] = (s => s.Spots = SmallStudy.WithValue(s.Spots, 3, float.NaN), ["spots.h5ad", "spot3", "missing"]),
        ["logarithms instead of counts"] = (s => s.Cells = SmallStudy.WithLogarithms(s.Cells), ["cells.h5ad", "raw counts"]),
        ["logarithms with the counts in a layer"] = (s =>
        {
            var counts = s.Cells.X!;
            s.Cells = SmallStudy.WithLogarithms(s.Cells);
            s.Cells.Layers["counts"] = counts;
        }, ["cells.h5ad", "layers/counts", "layer"]),

        // Rows without any count.
        ["cell without counts"] = (s => s.Cells = SmallStudy.WithEmptyRow(s.Cells, 9), ["cells.h5ad", "cell9", "no counts", "remove"]),
        ["patient without counts"] = (s => s.Bulk = SmallStudy.WithEmptyRow(s.Bulk, 4), ["bulk.h5ad", "pt4", "no counts", "remove"]),
        ["spot without counts"] = (s => s.Spots = SmallStudy.WithEmptyRow(s.Spots, 2), ["spots.h5ad", "spot2", "no counts", "remove"]),

        // Survival.
        ["patient without time"] = (s => s.Bulk = SmallStudy.WithTime(s.Bulk, 6, double.NaN), ["bulk.h5ad", "survival_time", "pt6"]),
        ["time of zero"] = (s => s.Bulk = SmallStudy.WithTime(s.Bulk, 6, 0), ["bulk.h5ad", "survival_time", "pt6"]),
        ["negative time"] = (s => s.Bulk = SmallStudy.WithTime(s.Bulk, 6, -12), ["bulk.h5ad", "survival_time", "pt6", "-12"]),
        ["infinite time"] = (s => s.Bulk = SmallStudy.WithTime(s.Bulk, 6, double.PositiveInfinity), ["bulk.h5ad", "survival_time", "pt6"]),
        ["time that is text"] = (s => s.Bulk = SmallStudy.WithColumn(s.Bulk, "survival_time", CategoricalColumn.FromLabels([.. Enumerable.Range(0, 40).Select(i => i == 8 ? "two years" : "100")])),
            ["bulk.h5ad", "survival_time", "two years"]),
        ["patient without status"] = (s => s.Bulk = SmallStudy.WithStatus(s.Bulk, (i, v) => i == 6 ? null : v), ["bulk.h5ad", "vital_status", "pt6"]),
        ["status of an unknown word"] = (s => s.Bulk = SmallStudy.WithStatus(s.Bulk, (i, v) => i == 6 ? "perhaps" : v), ["bulk.h5ad", "vital_status", "pt6", "perhaps"]),
        ["nobody died"] = (s => s.Bulk = SmallStudy.WithStatus(s.Bulk, (_, _) => "Alive"), ["bulk.h5ad", "vital_status", "none of the 40 patients has an event", "--event"]),
        ["one death only"] = (s => s.Bulk = SmallStudy.WithStatus(s.Bulk, (i, _) => i == 0 ? "Dead" : "Alive"), ["event"]),

        // Spots.
        ["spot without a place"] = (s =>
        {
            s.Spots = s.Spots.SelectObservations([.. Enumerable.Range(0, s.Spots.ObservationCount)]); // the study is shared
            s.Spots.Obsm["spatial"] = new DenseMatrix(s.Spots.ObservationCount, 2, Enumerable.Range(0, 2 * s.Spots.ObservationCount).Select(i => i == 7 ? double.NaN : i).ToArray());
        }, ["spots.h5ad", "obsm/spatial", "spot3", "remove"]),

        // Columns.
        ["no time column"] = (s => s.Bulk = SmallStudy.WithColumn(s.Bulk, "survival_time", null), ["bulk.h5ad", "obs", "survival_time", "vital_status"]),
        ["no status column"] = (s => s.Bulk = SmallStudy.WithColumn(s.Bulk, "vital_status", null), ["bulk.h5ad", "obs", "vital_status", "survival_time"]),
        ["no sample column"] = (s => s.Cells = SmallStudy.WithColumn(s.Cells, "sample", null), ["cells.h5ad", "obs", "sample", "label"]),
        ["no label column"] = (s => s.Cells = SmallStudy.WithColumn(s.Cells, "label", null), ["cells.h5ad", "obs", "label", "major"]),
        ["fractions in place of labels"] = (s => s.Cells = SmallStudy.WithColumn(s.Cells, "label", new NumericColumn(Enumerable.Range(0, 60).Select(i => i / 7.0).ToArray())), ["cells.h5ad", "label", "fractions", "--label"]),
        ["cell without sample"] = (s => s.Cells = SmallStudy.WithColumn(s.Cells, "sample", CategoricalColumn.FromLabels([.. Enumerable.Range(0, 60).Select(i => i == 11 ? null : "P0")])),
            ["cells.h5ad", "sample", "cell11"]),

        // Genes.
        ["Ensembl ids against symbols"] = (s => s.Bulk = SmallStudy.WithGenes(s.Bulk, g => $"ENSG{g:00000000000}"), ["cells.h5ad", "bulk.h5ad", "Ensembl", "symbol"]),
        ["no gene in common"] = (s => s.Bulk = SmallStudy.WithGenes(s.Bulk, g => "other" + g), ["cells.h5ad", "bulk.h5ad", "gene"]),
        ["no gene in common with the spots"] = (s => s.Spots = SmallStudy.WithGenes(s.Spots, g => "other" + g), ["spots.h5ad", "gene"]),
        ["gene twice in the reference"] = (s => s.Cells = SmallStudy.WithGenes(s.Cells, g => $"G{(g == 5 ? 4 : g):00000}"), ["cells.h5ad", "G00004"]),
        ["gene twice in the cohort"] = (s => s.Bulk = SmallStudy.WithGenes(s.Bulk, g => $"G{(g == 5 ? 4 : g):00000}"), ["bulk.h5ad", "G00004"]),

        // Names.
        ["cell name twice"] = (s => s.Cells = SmallStudy.WithRowNames(s.Cells, i => i == 3 ? "cell2" : "cell" + i), ["cells.h5ad", "cell2"]),
        ["patient name twice"] = (s => s.Bulk = SmallStudy.WithRowNames(s.Bulk, i => i == 3 ? "pt2" : "pt" + i), ["bulk.h5ad", "pt2"]),

        // Too small.
        ["two cells"] = (s => s.Cells = s.Cells.SelectObservations([0, 1]), ["cells"]),
        ["no patients"] = (s => s.Bulk = s.Bulk.SelectObservations([]), ["bulk.h5ad", "no patients"]),
        ["three patients"] = (s => s.Bulk = s.Bulk.SelectObservations([0, 1, 2]), ["patients"]),
    };

    /// <summary>Name of the case; what is done to the written files; words that the sentence must contain.</summary>
    private static readonly Dictionary<string, (Action<TemporaryDirectory> Spoil, string[] Words)> s_files = new()
    {
        ["absent file"] = (f => File.Delete(f["cells.h5ad"]), ["cells.h5ad", "no such file"]),
        ["empty file"] = (f => File.WriteAllBytes(f["cells.h5ad"], []), ["cells.h5ad"]),
        ["text file"] = (f => File.WriteAllText(f["cells.h5ad"], "these are no cells\n"), ["cells.h5ad"]),
        ["picture"] = (f => File.WriteAllBytes(f["bulk.h5ad"], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0]), ["bulk.h5ad"]),
        ["truncated file"] = (f =>
        {
            using var stream = new FileStream(f["cells.h5ad"], FileMode.Open);
            stream.SetLength(stream.Length / 2);
        }, ["cells.h5ad"]),
        ["folder in place of a file"] = (f =>
        {
            File.Delete(f["bulk.h5ad"]);
            Directory.CreateDirectory(f["bulk.h5ad"]);
        }, ["bulk.h5ad"]),
        ["damaged content"] = (f =>
        {
            byte[] bytes = File.ReadAllBytes(f["cells.h5ad"]);
            // Everything behind the superblock.
            for (int i = 400; i < bytes.Length; i += 3) bytes[i] ^= 0x5a;
            File.WriteAllBytes(f["cells.h5ad"], bytes);
        }, ["cells.h5ad"]),
    };

    public static TheoryData<string> DataCases() => [.. s_data.Keys];

    public static TheoryData<string> FileCases() => [.. s_files.Keys];

    [Theory]
    [MemberData(nameof(DataCases))]
    public void Data_that_cannot_be_fitted(string name)
    {
        var (spoil, words) = s_data[name];
        using var folder = new TemporaryDirectory();
        var study = new SmallStudy();
        spoil(study);
        RefusedAsBadInput(study.Fit(folder), folder, words);
    }

    [Theory]
    [MemberData(nameof(FileCases))]
    public void Files_that_cannot_be_read(string name)
    {
        var (spoil, words) = s_files[name];
        using var folder = new TemporaryDirectory();
        new SmallStudy().Write(folder);
        spoil(folder);
        RefusedAsBadInput(CommandLine.Run(SmallStudy.Arguments(folder)), folder, words);
    }

    [Fact]
    public void The_unspoilt_study_is_fitted()
    {
        using var folder = new TemporaryDirectory();
        var result = new SmallStudy().Fit(folder);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.True(File.Exists(folder["fit/cells.h5ad"]));
    }

    [Fact]
    public void Too_few_genes_asked_for_is_what_the_sentence_says()
    {
        using var folder = new TemporaryDirectory();
        RefusedAsBadInput(new SmallStudy().Fit(folder, "--genes", "5"), folder, ["5 genes are too few", "--genes"]);
    }

    [Fact]
    public void A_column_may_be_named_and_an_absent_one_is_listed_against_those_there_are()
    {
        using var folder = new TemporaryDirectory();
        RefusedAsBadInput(new SmallStudy().Fit(folder, "--time", "days"), folder, ["bulk.h5ad", "'days'", "'survival_time'"]);
    }

    private static void RefusedAsBadInput(ProcessResult result, TemporaryDirectory folder, string[] words)
    {
        Assert.True(result.ExitCode == 3, $"exit code {result.ExitCode}: {result.Error}");
        string sentence = result.ErrorSentence()!;
        foreach (string word in words) Assert.Contains(word, sentence, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("Exception", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
        Assert.Equal("failed", (string?)result.LastLine()["status"]);
        Assert.False(Directory.Exists(folder["fit"]), "a folder was left behind: " + string.Join(", ", Directory.Exists(folder["fit"]) ? Directory.GetFileSystemEntries(folder["fit"]) : []));
    }
}
