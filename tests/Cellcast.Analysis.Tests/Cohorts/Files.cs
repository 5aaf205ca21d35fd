using System.IO.Compression;
using System.Text;
using Cellcast.Analysis.Cohorts;
using Cellcast.AnnData;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests.Cohorts;

/// <summary>Small invented files in the layouts that archives use.</summary>
internal static class Files
{
    internal static string Write(this TemporaryDirectory folder, string name, string text)
    {
        string path = folder[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        if (name.EndsWith(".gz", StringComparison.Ordinal))
        {
            using var target = new MemoryStream();
            using (var zip = new GZipStream(target, CompressionLevel.Optimal)) zip.Write(bytes);
            bytes = target.ToArray();
        }
        File.WriteAllBytes(path, bytes);
        return path;
    }

    internal static string Says(this CohortReport report) => string.Join("\n", report.Notes);

    internal static float[] Dense(this Cohort cohort) => cohort.Data.X!.ToSparse().ToDense();

    internal static double[] Times(this Cohort cohort) => ((NumericColumn)cohort.Data.Obs[Cohort.TimeColumn]).ToDouble();

    internal static string?[] Events(this Cohort cohort) => cohort.Data.Obs[Cohort.EventColumn].ToText();
}
