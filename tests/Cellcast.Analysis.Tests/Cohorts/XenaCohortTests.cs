using System.Globalization;

using Cellcast.Analysis.Cohorts;
using Cellcast.AnnData;
using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.Analysis.Tests.Cohorts;

public sealed class XenaCohortTests : IDisposable
{
    private const string Survival = "sample\tOS\t_PATIENT\tOS.time\nTCGA-02-0047-01A\t1\tTCGA-02-0047\t448\nTCGA-06-0125-01A\t0\tTCGA-06-0125\t466\nTCGA-06-0125-11A\t0\tTCGA-06-0125\t466\n";

    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string Log(double count, string format = "R") => Math.Log2(count + 1).ToString(format, CultureInfo.InvariantCulture);

    private static string Table(Func<double, string> cell) => "Ensembl_ID\tTCGA-02-0047-01A\tTCGA-06-0125-01A\tTCGA-06-0125-11A\n"
        + $"ENSG00000141510.14\t{cell(0)}\t{cell(7)}\t{cell(1)}\nENSG00000146648.14\t{cell(1234567)}\t{cell(2)}\t{cell(1)}\nENSG00000000003.13\t{cell(99)}\t{cell(0)}\t{cell(3)}\n";

    private Cohort Build(string counts, CohortOptions? options = null) =>
        XenaCohort.Build(_folder.Write("TCGA-GBM.htseq_counts.tsv.gz", counts), _folder.Write("TCGA-GBM.survival.tsv", Survival), options);

    [Fact]
    public void The_logarithm_is_undone_and_survival_joined()
    {
        string map = _folder.Write("gencode.v22.annotation.gene.probeMap", "id\tgene\tchrom\tchromStart\tchromEnd\tstrand\nENSG00000141510.14\tTP53\tchr17\t1\t2\t-\nENSG00000146648.14\tEGFR\tchr7\t1\t2\t+\nENSG00000000003.13\tTSPAN6\tchrX\t1\t2\t-\n");
        var cohort = Build(Table(c => Log(c)), new() { GeneMap = map });
        Assert.Equal(["TCGA-02-0047", "TCGA-06-0125"], cohort.Data.Obs.Index);
        Assert.Equal(["TP53", "EGFR", "TSPAN6"], cohort.Data.Var.Index);
        Assert.Equal([0, 1234567, 99, 7, 2, 0], cohort.Dense());
        Assert.Equal([448, 466], cohort.Times());
        Assert.Equal(["Dead", "Alive"], (IEnumerable<string?>)cohort.Events());
        Assert.Contains("every value gave a whole count", cohort.Report.Says());
    }

    [Fact]
    public void Any_count_survives_the_logarithm_as_files_write_it()
    {
        var counts = Gen.Choose(0, 10_000_000).ArrayOf(9);
        RandomCases.Check(50, Prop.ForAll(counts.ToArbitrary(), c =>
        {
            int i = 0;
            string text = Table(_ => Log(c[i++], "0.##########"));
            if (c[0] + c[3] + c[6] == 0 || c[1] + c[4] + c[7] == 0) return true;
            return Build(text).Dense().SequenceEqual([c[0], c[3], c[6], c[1], c[4], c[7]]);
        }));
    }

    [Fact]
    public void Four_digits_are_enough_where_they_determine_the_count() =>
        Assert.Equal([0, 512, 99, 7, 2, 0], Build(Table(c => Log(Math.Min(c, 512), "0.####"))).Dense());

    [Fact]
    public void Values_that_are_no_logarithms_of_counts_are_refused_by_name()
    {
        string message = Assert.Throws<InputException>(() => Build(Table(c => Log(c * 0.37)))).Message;
        Assert.Contains("gene 'ENSG00000141510.14', sample 'TCGA-06-0125-01A'", message);
        Assert.Contains("not FPKM, TPM or normalised values", message);
        Assert.Contains("raw counts, give them as a table", Assert.Throws<InputException>(() => Build(Table(c => (c * 31 + 0.5).ToString("R", CultureInfo.InvariantCulture)))).Message);
        Assert.Contains("is not log2(count + 1)", Assert.Throws<InputException>(() => Build(Table(c => c == 7 ? "-1" : Log(c)))).Message);
    }

    [Fact]
    public void Short_sample_names_of_the_older_hub_meet_too()
    {
        string counts = Table(c => Log(c)).Replace("-01A", "-01", StringComparison.Ordinal).Replace("-11A", "-11", StringComparison.Ordinal);
        Assert.Equal(2, Build(counts).Patients);
    }
}
