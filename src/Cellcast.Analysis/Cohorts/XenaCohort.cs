using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Analysis.Cohorts;

/// <summary>A cohort from a pair of files of UCSC Xena: counts as log2(count + 1), and survival.</summary>
public static class XenaCohort
{
    private const double Slack = 1e-3;
    // 2^50 is more than any count; files are written with four digits or more.
    private const double MostOfALogarithm = 50;
    private const int FewestDecimals = 4;

    /// <summary>Undoes the logarithm, checks that counts come out, and joins survival.</summary>
    /// <param name="countsPath">A dataset such as <c>TCGA-GBM.htseq_counts.tsv.gz</c> or <c>TCGA-GBM.star_counts.tsv.gz</c>.</param>
    /// <param name="survivalPath">The table with <c>sample</c>, <c>OS</c>, <c>OS.time</c>, <c>_PATIENT</c>.</param>
    /// <param name="options">Columns, sample types, gene map (Xena's probeMap).</param>
    /// <exception cref="InputException">The values are no log2(count + 1), or the files do not belong together.</exception>
    public static Cohort Build(string countsPath, string survivalPath, CohortOptions? options = null)
    {
        options ??= new CohortOptions();
        var report = new CohortReport();
        var table = TextTable.Read(survivalPath);
        if (table.Rows == 0) throw new InputException($"'{survivalPath}': has a header but no rows.");
        var survival = SurvivalColumns.Find(survivalPath, table.Header, options);
        var genes = options.GeneMap is { } map ? GeneMap.Read(map) : null;
        var counts = ReadLogged(countsPath, options.Table, report);
        return TableCohort.Join(counts, table, survival, genes, options, report, $"{countsPath} and {survivalPath}");
    }

    private static AnnotatedData ReadLogged(string path, CountTableOptions options, CohortReport report)
    {
        (double Value, string Row, string Column)? fault = null;
        double largest = 0;
        bool genesInRows = options.Orientation != TableOrientation.SamplesInRows;
        var counts = CountTable.Read(path, options with
        {
            Orientation = genesInRows ? TableOrientation.GenesInRows : TableOrientation.SamplesInRows,
            Transform = (value, decimals, row, column) =>
            {
                if (value == 0) return 0;
                largest = Math.Max(largest, value);
                double count = Math.Exp(value * Math.Log(2)) - 1, nearest = Math.Round(count);
                // What rounding in the file can explain: half a unit of the last digit (written zeros at the end may be missing), carried through the power.
                double explained = Slack + (count + 1) * Math.Log(2) * 0.5 * Math.Pow(10, -Math.Max(decimals, FewestDecimals));
                if (!(value > 0) || !(Math.Abs(count - nearest) <= explained)) fault ??= (value, row, column);
                return nearest;
            },
        });
        if (fault is { } f)
        {
            string hint = largest > MostOfALogarithm ? "the values are no logarithms at all; if they are raw counts, give them as a table of counts"
                : "choose the count dataset (htseq_counts, star_counts), not FPKM, TPM or normalised values";
            throw new InputException(FormattableString.Invariant($"'{path}': gene '{(genesInRows ? f.Row : f.Column)}', sample '{(genesInRows ? f.Column : f.Row)}': {f.Value} is not log2(count + 1) of any whole count; {hint}."));
        }
        report.Say($"log2(count + 1) of '{Path.GetFileName(path)}' undone; every value gave a whole count");
        return counts;
    }
}
